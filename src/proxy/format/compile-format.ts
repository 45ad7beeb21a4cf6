import { type Operator, type OperatorOptions, operatorOf } from "./operators.ts";

/** `%%`, or an operator: name, argument in parentheses, length; or a sign that begins neither. */
const OPERATOR = /%%|%(?<name>[A-Z_0-9]+)(?:\((?<argument>[^)]*)\))?(?::(?<length>\d+))?%|%/g;

/** Text as it stands, and what is put in between. */
export type FormatPart = string | Operator;

/**
 * The parts of a text with Envoy's `%OPERATORS%`; no empty texts among them. Throws a RangeError
 * that names everything wrong with it, each with its position.
 */
export function compileFormat(text: string, options: OperatorOptions = {}): readonly FormatPart[] {
  const parts: FormatPart[] = [];
  const problems: string[] = [];
  let end = 0;
  for (const match of text.matchAll(OPERATOR)) {
    parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[0] === "%%") {
      parts.push("%");
      continue;
    }
    const operator = operatorAt(match.groups ?? {}, options);
    if (typeof operator === "string") {
      problems.push(`at character ${match.index + 1}, ${match[0]}: ${operator}`);
    } else {
      parts.push(operator);
    }
  }
  if (problems.length > 0) throw new RangeError(`format ${problems.join("; ")}`);
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

function operatorAt(
  groups: Record<string, string | undefined>,
  options: OperatorOptions,
): Operator | string {
  const { name, argument, length } = groups;
  if (name === undefined) return "no operator begins here; %% writes a percent sign";
  return operatorOf(name, argument, length === undefined ? undefined : Number(length), options);
}
