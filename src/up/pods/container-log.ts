/** Longer lines are cut: an app that prints no line ends must not fill the memory. */
const LINE_CHARS_MAX = 4096;

/** Control characters but the tab: an app's line must not move the reader's cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** What a container prints, as whole lines behind its name. */
export class ContainerLog {
  readonly #title: string;
  readonly #say: (line: string) => void;
  #rest = "";

  constructor(title: string, say: (line: string) => void) {
    this.#title = title;
    this.#say = say;
  }

  write(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#print(line);
    if (this.#rest.length > LINE_CHARS_MAX) this.end();
  }

  /** What stands behind the last line end is a line too. */
  end(): void {
    if (this.#rest !== "") this.#print(this.#rest);
    this.#rest = "";
  }

  #print(line: string): void {
    this.#say(`${this.#title} | ${line.slice(0, LINE_CHARS_MAX).replace(CONTROL, "")}`);
  }
}
