import { expect, it } from "vitest";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type { CompiledForward } from "./compiled-route.ts";
import { takeHostname } from "./finalize.ts";
import { RequestHead } from "./request-head.ts";

it.each([
  { before: undefined, after: "a.test" },
  { before: "first.test", after: "first.test,a.test" },
  { before: "a.test", after: "a.test" },
  { before: "first.test,a.test", after: "first.test,a.test" },
  { before: "extra.test", after: "extra.test,a.test" },
  { before: "not-a.test", after: "not-a.test,a.test" },
  { before: "first.test, a.test", after: "first.test, a.test,a.test" },
])("x-forwarded-host of $before becomes $after, as in Envoy", ({ before, after }) => {
  const headers = new HeaderTable();
  if (before !== undefined) headers.addName("x-forwarded-host", before);
  const request = new RequestHead(headers);
  request.authority = "a.test";
  takeHostname(request, { appendForwardedHost: true } as CompiledForward, "b.test");
  expect(headers.joined("x-forwarded-host")).toBe(after);
  expect(request.authority).toBe("b.test");
});
