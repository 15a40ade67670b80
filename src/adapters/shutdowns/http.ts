// Tells a machine to shut down by one HTTP request, for example to its management interface. A good answer shows that it was
// told and no more. Redirects are not followed: the request means something, and should go to nobody but whom it was written for.

import { readFile } from "node:fs/promises";
import {
  type IncomingMessage,
  request as plainRequest,
  validateHeaderName,
  validateHeaderValue,
} from "node:http";
import { request as secureRequest } from "node:https";
import { z } from "zod";
import type { Shutdown, ShutdownResult } from "../../ports/shutdown.ts";
import { firstLine } from "../run-command.ts";
import { defineShutdown } from "./define.ts";
import { accepted, failed, unsure } from "./outcomes.ts";

const secret = (what: string) => z.string().min(1, { error: "is empty" }).meta({ description: what });

const options = z
  .strictObject({
    type: z.literal("http").meta({ description: "Shut down by an HTTP request." }),
    url: z
      .string()
      .refine((text) => /^https?:\/\/[^\s]+$/i.test(text) && URL.canParse(text), {
        error: "is no URL: write http://host/path or https://host/path",
        abort: true,
      })
      .refine((text) => new URL(text).username === "" && new URL(text).password === "", {
        error: "has a user or password in it, where others could see it; write them as username and password",
      })
      .meta({
        description: "Where the request goes: `http://...` or `https://...`, without user and password.",
      }),
    method: z
      .string()
      .regex(/^[A-Z]{1,20}$/, { error: "is no method: write POST, PUT, GET or another in capitals" })
      .refine((method) => method !== "CONNECT", { error: "is no method that a request can shut down with" })
      .default("POST")
      .meta({ description: "The method, in capitals." }),
    headers: z
      .record(
        z.string().refine((name) => !throws(() => validateHeaderName(name)), {
          error: "is no name of a header",
        }),
        z.string().refine((value) => !throws(() => validateHeaderValue("x", value)), {
          error: "has a character that no header can have",
        }),
      )
      .default({})
      .meta({
        description: "Headers of the request, by name, for example `Content-Type: application/json`.",
      }),
    body: z.string().max(65_536).default("").meta({
      description: "What is sent, as UTF-8; up to 65536 characters. Default empty: no body.",
    }),
    username: secret("User for HTTP basic authentication. Needs `password`.").optional(),
    password: secret(
      "Password for HTTP basic authentication, best as `${ENV_NAME}` or `${file:...}`.",
    ).optional(),
    bearer: secret(
      "Bearer token, in place of user and password, best as `${ENV_NAME}` or `${file:...}`.",
    ).optional(),
    ca: z.string().regex(/^\//, { error: "is no whole path (beginning with `/`)" }).optional().meta({
      description:
        "File (PEM) with the certificates of the authorities that may vouch for the server, in place of the system's, as a whole path. Only for https.",
    }),
    status: z
      .string()
      .regex(/^[1-5]\d\d(-[1-5]\d\d)?$/, { error: "is no range of statuses: write 200-399, or 202" })
      .default("200-399")
      .meta({ description: "The answers that say that the machine was told, as `from-to` or one alone." }),
  })
  .superRefine((given, context) => {
    const refuse = (field: string, message: string): void =>
      context.addIssue({ code: "custom", path: [field], message, input: given });
    if ((given.username === undefined) !== (given.password === undefined)) {
      refuse(
        given.username === undefined ? "password" : "username",
        "needs the other: username and password",
      );
    }
    if (given.bearer !== undefined && !/^[\x21-\x7e]+$/.test(given.bearer)) {
      refuse("bearer", "has a blank or another character that no token has");
    }
    if (given.bearer !== undefined && given.username !== undefined) {
      refuse("bearer", "stands beside username and password: leave one of the two out");
    }
    if ((given.bearer ?? given.username) !== undefined && hasHeader(given.headers, "authorization")) {
      refuse("headers", "names Authorization, which follows from username and password or from bearer");
    }
    if (given.ca !== undefined && !/^https:/i.test(given.url)) {
      refuse("ca", "is of no use with http://; did you mean https:// in url?");
    }
    const [, from, to] = /^(\d+)-(\d+)$/.exec(given.status) ?? [];
    if (Number(from) > Number(to)) {
      refuse("status", "ends before it begins");
    }
  });

export const http = defineShutdown({
  type: "http",
  summary: "Shuts down by an HTTP request, for example to a management interface.",
  needs:
    "A server that shuts the machine down when it is asked, and a `check` at the resource: that the request was taken does not show that the " +
    "machine is down.",
  options,
  examples: [
    {
      title: "A management interface",
      about: "Only answers with status 200 to 204 count as taken.",
      name: "nas",
      options: {
        type: "http",
        url: "https://nas.lab/api/shutdown",
        headers: { "Content-Type": "application/json" },
        body: '{"force":false}',
        bearer: "${NAS_TOKEN}",
        status: "200-204",
      },
    },
  ],
  create: createHttp,
});

type Options = z.output<typeof options>;

function createHttp(given: Options): Shutdown {
  const where = new URL(given.url).host;
  return {
    async run(signal) {
      let ca: string | undefined;
      try {
        ca = given.ca === undefined ? undefined : await readFile(given.ca, "utf8");
      } catch (error) {
        return failed(`the file ${given.ca} cannot be read (${codeOf(error)})`);
      }
      try {
        return await asking(given, ca, where, signal);
      } catch (error) {
        return signal.aborted ? unsure(`${where} did not answer in time`) : resultOfError(error, where);
      }
    },
  };
}

/** Resolves with the head of the answer; what comes behind it is not waited for. */
function asking(
  given: Options,
  ca: string | undefined,
  where: string,
  signal: AbortSignal,
): Promise<ShutdownResult> {
  return new Promise((resolve, reject) => {
    const secure = /^https:/i.test(given.url);
    const asked = (secure ? secureRequest : plainRequest)(given.url, {
      method: given.method,
      headers: headersOf(given),
      agent: false, // A connection of its own, which ends with the answer.
      signal,
      ...(ca === undefined ? {} : { ca }),
    });
    asked.once("response", (answer: IncomingMessage) => {
      answer.on("error", () => undefined); // The machine may go down while it answers.
      resolve(resultOfAnswer(answer, given.status, where));
      answer.destroy();
    });
    asked.on("error", reject);
    asked.end(given.body);
  });
}

function headersOf({ headers, body, username, password, bearer }: Options): Record<string, string> {
  const own: Record<string, string> = { ...headers };
  if (body !== "" && !hasHeader(headers, "content-length")) {
    own["Content-Length"] = String(Buffer.byteLength(body));
  }
  if (bearer !== undefined) {
    own["Authorization"] = `Bearer ${bearer}`;
  } else if (username !== undefined) {
    own["Authorization"] = `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
  }
  return own;
}

function resultOfAnswer(answer: IncomingMessage, range: string, where: string): ShutdownResult {
  const status = answer.statusCode ?? 0;
  const [from = 0, to = from] = range.split("-").map(Number);
  const words = firstLine(answer.statusMessage ?? "");
  const said = `${where} answered ${status}${words === "" ? "" : ` ${words}`}`;
  return status >= from && status <= to ? accepted(said) : failed(said);
}

/** Not there, or gone again: then nothing is known. What does not lie at the machine, or is a refusal, has failed. */
function resultOfError(error: unknown, where: string): ShutdownResult {
  const code = codeOf(error);
  switch (code) {
    case "ECONNREFUSED":
      return unsure(`${where} refuses the connection`);
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "EHOSTDOWN":
    case "ENETUNREACH":
    case "ENETDOWN":
      return unsure(`${where} cannot be reached (${code})`);
    case "ECONNRESET":
    case "EPIPE":
      return unsure(`${where} broke the connection off before it answered`);
    case "ENOTFOUND":
      return failed(
        `the address of ${where} cannot be found: correct the name, or add it to the name server`,
      );
    case "EAI_AGAIN":
      return failed(`the name server does not answer, so the address of ${where} is not known`);
    default:
      return failed(
        /CERT|SIGNATURE|ISSUER/.test(code)
          ? `the certificate of ${where} is not trusted (${code}): name the authority that vouches for it as ca`
          : `${where} could not be asked (${code})`,
      );
  }
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return codeOf(error.errors[0]); // one for each address that was tried
  }
  if (error instanceof Error) {
    return "code" in error && typeof error.code === "string" ? error.code : firstLine(error.message);
  }
  return firstLine(String(error));
}

const hasHeader = (headers: Readonly<Record<string, string>>, name: string): boolean =>
  Object.keys(headers).some((one) => one.toLowerCase() === name);

function throws(act: () => void): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}
