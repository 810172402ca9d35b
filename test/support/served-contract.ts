import { describeApi } from '../../src/http/openapi.ts';
import { Contract, type Exchange } from './contract.ts';

let contract: Contract | undefined;

/** The contract that the control plane serves as `/openapi.json`. */
export function servedContract(): Contract {
  contract ??= new Contract(describeApi());
  return contract;
}

/** What the served document does not allow in an exchange. */
export function violationsOf(exchange: Exchange): string[] {
  return servedContract().violations(exchange);
}
