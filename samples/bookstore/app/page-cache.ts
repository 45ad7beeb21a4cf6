/** The storefront's helper container: keeps what the catalog said for a moment. */
import { getJson, serve } from "./http.ts";

const FRESH_MS = 200;
const ENTRIES_MAX = 100;

const kept = new Map<string, { until: number; body: unknown }>();

serve(async (path, headers) => {
  const known = kept.get(path);
  if (known !== undefined && known.until > Date.now()) return known.body;
  const body = await getJson(`http://catalog:8080${path}`, headers);
  if (kept.size >= ENTRIES_MAX) kept.clear();
  kept.set(path, { until: Date.now() + FRESH_MS, body });
  return body;
});
