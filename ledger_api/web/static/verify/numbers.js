// The numbers of docs/protocol.md §1, and what lies in `detail` (§4).

export const Kind = {
  RAW_MATERIAL: 1, MANUFACTURE: 2, SHIPMENT: 3, SALE: 4, RESALE: 5, TRANSFER: 6, VERDICT: 7, ENROLMENT: 8,
  DISPUTE: 9, RULING: 10, SERVICE: 11, HOLD: 12, RELEASE: 13, RECOVERY: 14, CORRECTION: 15, RETIRE: 16,
};
export const Stage = { UNBORN: 0, LOT: 1, UNSOLD: 2, SOLD: 3, ENROLLED: 4, RETIRED: 5 };
export const Outcome = { NONE: 0, AUTHENTIC: 1, NOT_AUTHENTIC: 2, INCONCLUSIVE: 3 };
export const Method = { PHOTO: 1, CHIP: 2, IN_PERSON: 3, RULING: 4 };
export const Hold = { LOST: 0, STOLEN: 1, DISPUTED: 2, RECALLED: 3, IN_VERIFICATION: 4 };
export const HOLDS = 5;
export const Role = { SUPPLIER: 1, BRAND: 2, RETAILER: 4, PLATFORM: 8, AUTHENTICATOR: 16 };
export const Phase = { REQUEST: 1, VETO: 2, COMPLETE: 3 };

export const SKEW = 900;
export const STOLEN_RELEASE = 72 * 3600;
export const LONGEST_VERIFICATION = 30 * 24 * 3600;
export const LAST_CATEGORY = 63;

export const Reason = {
  MALFORMED: 1, IN_THE_FUTURE: 3, UNKNOWN_ORGANIZATION: 6, UNKNOWN_ITEM: 8, ALREADY_RECORDED: 9, RETIRED: 10, ROLE_MISSING: 11,
  NOT_ACCREDITED: 12, SUSPENDED: 13, ALREADY_SOLD: 15, NOT_SOLD: 16, ON_HOLD: 17, NOT_AUTHENTIC: 18, NOT_THE_HOLDER: 19,
  CONSENT_MISSING: 20, CONSENT_INVALID: 21, NOT_DISPUTED: 22, WAITING_PERIOD: 23, TOO_EARLY: 24, SUPERSEDED: 25, NOT_ON_HOLD: 26,
};

// hex of 8 bytes; from the high end: consented 1 bit, c 7, time 40, b 8, a 8
export function readDetail(hex) {
  const high = parseInt(hex.slice(2, 4), 16);
  return {
    consented: high >= 0x80,
    c: high & 0x7f,
    time: parseInt(hex.slice(4, 14), 16),
    b: parseInt(hex.slice(14, 16), 16),
    a: parseInt(hex.slice(16, 18), 16),
  };
}

const UPPER = "0x" + "00".repeat(12);

export const isNobody = (holder) => /^0x0*$/.test(holder);
export const isKey = (holder) => holder.startsWith(UPPER) && !isNobody(holder);
export const isOrganization = (holder) => !holder.startsWith(UPPER);
