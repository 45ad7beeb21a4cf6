import type { Spec } from "../spec.ts";
import { titled } from "./source.ts";

const SOURCES: readonly string[] = [
  "namespaces",
  "notNamespaces",
  "serviceAccounts",
  "notServiceAccounts",
  "principals",
  "notPrincipals",
  "requestPrincipals",
  "notRequestPrincipals",
];

const KEYS: readonly string[] = ["source.namespace", "source.serviceAccount", "source.principal"];

/** What Istio asks of CUSTOM policies beyond all others. */
export function checkCustom(spec: Spec): void {
  const { length } = spec.at("rules").items();
  if (length > 0 && (spec.at("provider").at("name").text() ?? "") === "") {
    spec.at("provider").refuse("`provider.name` must not be empty");
  }
  for (const rule of spec.at("rules").items()) checkRule(rule);
}

/** Said beside every one: who wrote it expects to be asked. */
export function reportCustom(spec: Spec): void {
  const provider = spec.at("provider").at("name").text() ?? "";
  spec
    .at("action")
    .notExecuted(
      `no external authorizer is asked yet ("${provider}"); ` +
        "whatever the policy would ask about is denied",
      "for a denial on purpose write DENY",
    );
}

function checkRule(rule: Spec): void {
  for (const from of rule.at("from").items()) {
    for (const name of SOURCES) {
      const list = from.at("source").at(name);
      if (list.items().length > 0) unsupported(list, `From.${titled(name)}`);
    }
  }
  for (const when of rule.at("when").items()) {
    const key = when.at("key").text() ?? "";
    if (KEYS.includes(key) || key.startsWith("request.auth.")) unsupported(when.at("key"), key);
  }
}

function unsupported(at: Spec, name: string): void {
  at.refuse(`${name} is currently not supported with CUSTOM action`);
}
