/**
 * The command line of a program that the kernel ends with this process, however this process ends:
 * a test run that is killed stops nothing itself. What the program starts in its turn is not held;
 * `Reaper` holds that. Elsewhere than on Linux it is the program's own command line.
 */
export function mortal(program: string, args: readonly string[]): [string, string[]] {
  if (process.platform !== "linux") return [program, [...args]];
  return ["setpriv", ["--pdeathsig", "KILL", "--", program, ...args]];
}
