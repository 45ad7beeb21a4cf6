import { at } from "../../metrics/cells.ts";
import { type Column, counter } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Row } from "../../metrics/row.ts";
import type { Table } from "../../metrics/table.ts";
import type { AnswerObserver, AnswerSource, Transport } from "./answerer.ts";
import type { ForwardObserver } from "./forwarder.ts";

const DROPPED = [
  counter("outrigger_dns_dropped_total", "Datagrams and messages that were no DNS queries."),
];
/** Istio's names, as its agent's DNS proxy has them. */
const FORWARDED = [
  counter("istio_agent_dns_upstream_requests_total", "Queries sent to upstream resolvers."),
  counter("istio_agent_dns_upstream_failures_total", "Queries that no upstream resolver answered."),
];
const ASKED = [counter("istio_agent_dns_requests_total", "DNS queries of pods, by transport.")];
const ANSWERED = [
  counter("outrigger_dns_answers_total", "DNS answers, by where they are from and their code."),
];

/** RFC 1035 4.1.1; what is not listed is counted as OTHER. */
const CODES: readonly string[] = [
  ...["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"],
];

/** Counts queries and answers. No label holds anything that a query says. */
export class NameMetrics implements AnswerObserver, ForwardObserver {
  readonly #dropped: Row;
  readonly #forwarded: Row;
  readonly #asked: Table;
  readonly #answered: Table;

  constructor(registry: Registry) {
    const table = (name: string, columns: readonly Column[], labelNames: readonly string[]) =>
      registry.table({ name, columns, labelNames, rowsMax: 64 });
    this.#dropped = table("dns_dropped", DROPPED, []).row([]);
    this.#forwarded = table("dns_forwarded", FORWARDED, []).row([]);
    this.#asked = table("dns_asked", ASKED, ["transport"]);
    this.#answered = table("dns_answered", ANSWERED, ["source", "code"]);
  }

  asked(transport: Transport): void {
    bump(this.#asked.row([transport]), 0);
  }

  dropped(): void {
    bump(this.#dropped, 0);
  }

  answered(source: AnswerSource, code: number): void {
    bump(this.#answered.row([source, CODES[code] ?? "OTHER"]), 0);
  }

  forwarded(): void {
    bump(this.#forwarded, 0);
  }

  failed(): void {
    bump(this.#forwarded, 1);
  }
}

function bump(row: Row, index: number): void {
  row.cells[index] = at(row.cells, index) + 1;
}
