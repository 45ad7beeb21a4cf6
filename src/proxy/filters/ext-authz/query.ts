/** The path with parameters of its query taken out, and others set, as the server wants. */
export function changeQuery(
  path: string,
  set: readonly { readonly name: string; readonly value: string }[],
  remove: readonly string[],
): string {
  const at = path.indexOf("?");
  const parameters = new URLSearchParams(at < 0 ? "" : path.slice(at + 1));
  for (const name of remove) parameters.delete(name);
  for (const { name, value } of set) parameters.set(name, value);
  const query = parameters.toString();
  const pathname = at < 0 ? path : path.slice(0, at);
  return query === "" ? pathname : `${pathname}?${query}`;
}
