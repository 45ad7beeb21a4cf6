import { expect, it } from "vitest";
import { ForeignRows } from "../../metrics/foreign-rows.ts";
import { Registry } from "../../metrics/registry.ts";
import { RowJournal } from "../../metrics/row-journal.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import { TlsReloads } from "../tls/tls-contexts.ts";

it("a change of certificate files counts once, however many workers take it over", () => {
  const main = new Registry();
  new TlsReloads(main);
  for (let worker = 0; worker < 3; worker++) {
    const rows = new ForeignRows(main, () => undefined);
    const journal = new RowJournal((entry) => journal.release(rows.take(entry)));
    const registry = new Registry(journal);
    const reloads = new TlsReloads(registry);
    journal.begin(registry.store);
    reloads.count("reloaded");
    reloads.count("reloaded");
    journal.flush();
  }
  expect([...renderPrometheus(main)].join("")).toContain("\noutrigger_tls_reloads_total 2\n");
});
