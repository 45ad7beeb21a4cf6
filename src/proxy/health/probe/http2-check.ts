import { CANCEL } from "../../../codec/h2/error-code.ts";
import type { StreamOwner } from "../../../codec/h2/owner.ts";
import { Http2Response } from "../../../codec/h2/response.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import type { HttpQuestion } from "./http-question.ts";
import type { HttpVerdict } from "./http-verdict.ts";
import type { CheckOutcome } from "./outcome.ts";

/** One check over an HTTP/2 stream. Ends once, with its outcome, unless it is cancelled. */
export class Http2Check implements StreamOwner {
  readonly message: Http2Response = new Http2Response();
  readonly #question: HttpQuestion;
  readonly #verdict: HttpVerdict;
  readonly #done: (outcome: CheckOutcome) => void;
  #stream: Stream | undefined;
  #over = false;

  constructor(question: HttpQuestion, verdict: HttpVerdict, done: (outcome: CheckOutcome) => void) {
    this.#question = question;
    this.#verdict = verdict;
    this.#done = done;
  }

  send(stream: Stream): void {
    const { method, scheme, authority, path, headers } = this.#question;
    this.#stream = stream;
    stream.sendRequest(method, scheme, authority, path, "", headers, true);
  }

  /** Nobody waits for the outcome any more. */
  cancel(): void {
    const stream = this.#stream;
    this.#over = true;
    this.#stream = undefined;
    stream?.reset(CANCEL);
  }

  onHead(): void {
    const { headers, status } = this.message;
    if (status >= 200) this.#verdict.onHead(status, headers);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (!this.#over) this.#verdict.onBody(bytes.subarray(start, end));
  }

  onTrailers(): void {
    // They say nothing about the host.
  }

  onEnd(): void {
    this.#stream = undefined;
    this.#end(this.#verdict.outcome());
  }

  onReset(): void {
    this.#stream = undefined;
    this.#end("network");
  }

  onBlocked(): void {
    // A head and no more: nothing follows that could wait.
  }

  onWritable(): void {
    // As above.
  }

  #end(outcome: CheckOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#done(outcome);
  }
}
