/** The shop's page: gathers a book, its reviews and its price; a missing part leaves a gap. */
import type { IncomingHttpHeaders } from "node:http";
import { getJson, HttpError, serve } from "./http.ts";

/** The helper container of this pod, on the localhost that both share. */
const CACHE = `http://${process.env.POD_LOCALHOST ?? "127.0.0.1"}:9000`;

serve(async (path, headers) => {
  const book = /^\/books\/(\d+)$/.exec(path)?.[1];
  if (book === undefined) throw new HttpError(404, "there are only /books/NUMBER");
  const [details, reviews, price] = await Promise.all([
    getJson(`${CACHE}/books/${book}`, headers),
    orNothing(`http://reviews:8080/reviews/${book}`, headers),
    orNothing(`http://my-service:8080/prices/${book}`, headers),
  ]);
  return { book: details, reviews, price };
});

async function orNothing(url: string, headers: IncomingHttpHeaders): Promise<unknown> {
  try {
    return await getJson(url, headers);
  } catch {
    return null;
  }
}
