// Answers with stars, and with 503 where the request says so: x-fail.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const fails = request.headers["x-fail"] !== undefined;
  response.writeHead(fails ? 503 : 200, { "content-type": "application/json" });
  response.end(fails ? '{"error":"no stars today"}' : '[{"stars":5},{"stars":4}]');
});
server.listen(Number(process.env.PORT ?? 8080), process.env.HOST);
