/** Customers: a steady stream of page views, a few of them by the tester named jason. */
import { getJson, pause } from "./http.ts";

const REQUESTS_PER_SECOND = Number(process.env.REQUESTS_PER_SECOND ?? "40");
const BOOKS = 5;
const TESTER_EVERY = 100;

for (let view = 0; ; view++) {
  const headers = view % TESTER_EVERY === 0 ? { "end-user": "jason" } : {};
  // The table counts failures; the customers just come again.
  getJson(`http://storefront:8080/books/${1 + (view % BOOKS)}`, headers).catch(() => {});
  await pause(1000 / REQUESTS_PER_SECOND);
}
