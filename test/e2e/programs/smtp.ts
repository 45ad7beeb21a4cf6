/** A real SMTP server on each of the ports that it is given. */
import { SMTPServer } from "smtp-server";

for (const port of process.argv.slice(2)) {
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    hideSTARTTLS: true,
    onData: (stream, _session, done) => {
      stream.resume();
      stream.on("end", () => done(null, `taken at ${port}`));
    },
  });
  server.listen(Number(port), process.env.HOST ?? "0.0.0.0");
}
