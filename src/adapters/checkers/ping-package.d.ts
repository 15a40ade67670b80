// Types for the two halves of the package `ping` that icmp.ts uses (its version is pinned): which arguments the system's ping
// takes, and what its output means. The package's own types cover these files, but not under the names they are loaded by.

declare module "ping/lib/builder/factory.js" {
  const builders: {
    getExecutablePath(platform: string, v6: boolean): string;
    createBuilder(platform: string): {
      getCommandArguments(
        target: string,
        config: {
          numeric: boolean;
          timeout: number | false;
          deadline: number;
          min_reply: number;
          v6: boolean;
        },
      ): string[];
    };
  };
  export default builders;
}

declare module "ping/lib/parser/factory.js" {
  const parsers: {
    createParser(
      target: string,
      platform: string,
    ): {
      eat(line: string): unknown;
      getResult(): { readonly alive: boolean; readonly time: number | "unknown" };
    };
  };
  export default parsers;
}
