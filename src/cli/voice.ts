/** Says a line to whoever runs the program. */
export type Say = (line: string) => void;

/**
 * Standard error of a program that runs for long. Its reader may go away (a log collector that
 * ends): then nobody hears it, and that is all. Without a listener the failed write would be an
 * error that nobody contains, which would be said, and fail again.
 */
export function standardError(): Say {
  process.stderr.on("error", () => undefined);
  return (line) => {
    process.stderr.write(`outrigger: ${line}\n`);
  };
}
