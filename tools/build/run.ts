// Makes dist/, the program as it is packed: `npm run build`. Not a check of types: `npm run check`.

import { buildProgram } from "./program.ts";

const { files, bytes } = await buildProgram("dist");
console.log(`dist: ${files} files, ${Math.round(bytes / 1000)} kB`);
