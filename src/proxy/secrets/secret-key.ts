import type { SecretRef } from "../../model/transport/secret.ts";

/** What a secret is known by in the whole proxy: where it comes from, and its name. */
export function secretKey({ name, source }: SecretRef): string {
  switch (source.kind) {
    case "file":
      return `file ${source.path} ${name}`;
    case "cluster":
      return `cluster ${source.cluster} ${name}`;
    default:
      return `${source.kind} ${name}`;
  }
}
