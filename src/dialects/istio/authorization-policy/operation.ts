import type { OperationMatch } from "../../../model/policy/access-policy.ts";
import type { Spec } from "../spec.ts";
import { titled } from "./source.ts";
import { readPaths, readPorts, readTexts } from "./value-rules.ts";

/** `to[].operation`; `rule` counts from 0, for the messages. */
export function readOperation(to: Spec, rule: number): OperationMatch | undefined {
  const operation = to.at("operation");
  if (!operation.present) {
    to.refuse(`\`to.operation\` must not be nil, found at rule ${rule}`);
    return undefined;
  }
  if (!operation.entries().some(([, list]) => list.items().length > 0)) {
    operation.refuse(`\`to.operation\` must not be empty, found at rule ${rule}`);
  }
  for (const name of ["methods", "notMethods"]) checkMethods(operation.at(name));
  const read =
    <T>(how: (list: Spec, name: string) => readonly T[]) =>
    (field: string): readonly T[] =>
      how(operation.at(field), titled(field));
  const [texts, ports, paths] = [read(readTexts), read(readPorts), read(readPaths)];
  return {
    hosts: texts("hosts"),
    notHosts: texts("notHosts"),
    ports: ports("ports"),
    notPorts: ports("notPorts"),
    methods: texts("methods"),
    notMethods: texts("notMethods"),
    paths: paths("paths"),
    notPaths: paths("notPaths"),
  };
}

/** A method in lower case is another method, which nobody sends. */
function checkMethods(list: Spec): void {
  for (const item of list.items()) {
    const method = item.text() ?? "";
    if (/^[A-Z*-]+$/.test(method) || method === "") continue;
    item.report("warning", "KIA0102", `"${method}" is no HTTP method: they are in upper case`, {
      allowed: "GET, POST, …, a prefix*, a *suffix, *; gRPC calls are POST",
    });
  }
}
