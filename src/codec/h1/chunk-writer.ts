// hot path: no allocation per request

/** What ends a chunked body without trailers. */
export const LAST_CHUNK = "0\r\n\r\n";

/** The last chunk, which trailers follow. */
export const LAST_CHUNK_SIZE = "0\r\n";

/** Up to here a size line is looked up; the usual reads are no longer. */
const CACHED_MAX = 4096;
const lines: readonly string[] = Array.from({ length: CACHED_MAX }, formatSize);

/** The line before a chunk of so many bytes (more than 0). */
export function chunkHead(bytes: number): string {
  return bytes < CACHED_MAX ? (lines[bytes] as string) : `${bytes.toString(16)}\r\n`;
}

function formatSize(_: unknown, bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}
