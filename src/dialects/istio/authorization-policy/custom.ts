import type { AuthorizationProvider } from "../../../model/policy/authorization-provider.ts";
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

/** Whoever wrote it expects somebody to be asked. */
export function reportProvider(
  spec: Spec,
  providers: readonly Pick<AuthorizationProvider, "name">[],
): void {
  const name = spec.at("provider").at("name");
  if (providers.some((provider) => provider.name === name.text())) return;
  name.report("warning", "IST0101", "No extension provider of MeshConfig has this name", {
    hint: "until there is one, whatever the policy would ask about is denied",
  });
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
