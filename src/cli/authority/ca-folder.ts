import { relative, resolve, sep } from "node:path";

/**
 * What is wrong with keeping the CA's keys there; undefined: nothing. What it keeps is JSON, and
 * under a folder of configuration each change of it would be read as a Kubernetes object.
 */
export function caFolderProblem(caDir: string, paths: readonly string[]): string | undefined {
  const around = paths.find((path) => isWithin(resolve(caDir), resolve(path)));
  if (around === undefined) return undefined;
  return `--ca-dir ${caDir}: lies in ${around}, where everything is read as configuration`;
}

function isWithin(inner: string, outer: string): boolean {
  const way = relative(outer, inner);
  return way !== ".." && !way.startsWith(`..${sep}`);
}
