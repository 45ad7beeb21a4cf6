/** Why a file could not be read, as the end of a sentence that begins with its path. */
export function fileFault(error: unknown): string {
  switch (errorCode(error)) {
    case "ENOENT":
      return "does not exist";
    case "EACCES":
      return "may not be read";
    case "EISDIR":
      return "is a folder";
    default:
      return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The system's name for an error, such as `ENOENT`; empty where it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
