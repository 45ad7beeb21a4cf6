/** Fetches what `?url=` says, with a client that knows nothing of a mesh, and passes it on. */
import { createServer } from "node:http";

createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://fetcher").searchParams.get("url") ?? "";
  fetch(url).then(
    async (fetched) => response.end(await fetched.text()),
    (error: unknown) => {
      response.statusCode = 500;
      response.end(String(error));
    },
  );
}).listen(8080, process.env.HOST);
