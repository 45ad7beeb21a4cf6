import { create } from "@bufbuild/protobuf";
import {
  type RuntimeFractionalPercent,
  RuntimeFractionalPercentSchema,
} from "../../gen/envoy/config/core/v3/base_pb.js";
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
  FractionalPercentSchema,
} from "../../gen/envoy/type/v3/percent_pb.js";
import type { Fraction } from "../../model/filter/fraction.ts";
import { keyOf } from "./scalar.ts";

const DENOMINATOR = {
  100: Denominator.HUNDRED,
  10000: Denominator.TEN_THOUSAND,
  1000000: Denominator.MILLION,
} as const;

/** type.v3.FractionalPercent. */
export function decodeFraction(message: FractionalPercent): Fraction {
  const denominator = keyOf(DENOMINATOR as Record<string, Denominator>, message.denominator);
  return {
    numerator: message.numerator,
    denominator: Number(denominator ?? 100) as Fraction["denominator"],
  };
}

/**
 * config.core.v3.RuntimeFractionalPercent: the default value, as there is no runtime to ask for
 * the key. Undefined where it is not set.
 */
export function decodeRuntimeFraction(
  message: RuntimeFractionalPercent | undefined,
): Fraction | undefined {
  if (message?.defaultValue === undefined) return undefined;
  return decodeFraction(message.defaultValue);
}

export function encodeFraction({ numerator, denominator }: Fraction): FractionalPercent {
  return create(FractionalPercentSchema, { numerator, denominator: DENOMINATOR[denominator] });
}

export function encodeRuntimeFraction(fraction: Fraction): RuntimeFractionalPercent {
  return create(RuntimeFractionalPercentSchema, { defaultValue: encodeFraction(fraction) });
}
