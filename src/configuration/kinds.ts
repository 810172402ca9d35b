/** Parses the text of an environment variable. */
export interface Kind<T> {
  /** Describes a valid value, in words that follow "must be". */
  readonly expects: string;
  /** Parses a trimmed, non-empty text; undefined when the text is invalid. */
  read(text: string): T | undefined;
  /** The valid text that an invalid one probably means, if it is known. */
  suggest?(text: string): string;
}

/** A sentence, after a space, with the text that was probably meant; otherwise empty. */
export function suggestion<T>({ read, suggest }: Kind<T>, given: string): string {
  const meant = suggest?.(given.trim());
  return meant === undefined || read(meant) === undefined ? '' : ` Did you mean "${meant}"?`;
}

const SECRET_MIN_CHARS = 32;

/** Any text. @param expects describes a valid value, in words that follow "must be" */
export function text(expects: string): Kind<string> {
  return { expects, read: (given) => given };
}

/** An integer within inclusive bounds. */
export function wholeNumber({ min, max }: { min: number; max: number }): Kind<number> {
  return {
    expects: `a whole number from ${min} to ${max}`,
    read: (given) => {
      const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** An amount of money with up to four decimals, within inclusive bounds. */
export function amount({ min, max }: { min: number; max: number }): Kind<number> {
  return {
    expects: `an amount from ${min} to ${max}`,
    read: (given) => {
      const value = /^\d{1,9}(\.\d{1,4})?$/.test(given) ? Number(given) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** One of the given words. */
export function oneOf<const T extends string>(...options: readonly T[]): Kind<T> {
  return {
    expects: `one of ${options.map((option) => `\`${option}\``).join(', ')}`,
    read: (given) => options.find((option) => option === given),
  };
}

/** A secret that is long enough not to be guessed. */
export const secret: Kind<string> = {
  expects: `a secret of at least ${SECRET_MIN_CHARS} characters`,
  read: (given) => (given.length >= SECRET_MIN_CHARS ? given : undefined),
};

/** The URL of an HTTP server, without slashes at its end. */
export const httpUrl: Kind<string> = {
  expects: 'an http or https URL',
  read: (given) => (/^https?:$/.test(protocolOf(given)) ? given.replace(/\/+$/, '') : undefined),
  suggest: (given) => `http://${given.replace(/^[a-z]*:?\/\//i, '')}`,
};

export const redisUrl: Kind<string> = {
  expects: 'a redis URL',
  read: (given) => (/^rediss?:$/.test(protocolOf(given)) ? given : undefined),
};

export const postgresUrl: Kind<string> = {
  expects: 'a postgres URL',
  read: (given) => (/^postgres(ql)?:$/.test(protocolOf(given)) ? given : undefined),
};

/** Origins as browsers send them, separated by commas; `*` stands for all origins. */
export const origins: Kind<readonly string[]> = {
  expects: 'a list of origins (scheme, host and port only), separated by commas',
  read: (given) => {
    const list = separated(given);
    const isOrigin = (part: string) => part === '*' || (URL.canParse(part) && new URL(part).origin === part);
    return list.every(isOrigin) ? list : undefined;
  },
};

/** Keys with their `kid`. The first one signs and all verify, so a key can be replaced while its tokens are in use. */
export const signingKeys: Kind<readonly { id: string; secret: string }[]> = {
  expects: `a list \`kid:secret[,kid:secret…]\`, each kid once and each secret of at least ${SECRET_MIN_CHARS} characters`,
  read: (given) => {
    const keys = separated(given).map((part) => {
      const [, id = '', key = ''] = /^([^:]*):(.*)$/.exec(part) ?? [];
      return { id, secret: key };
    });
    const fits = keys.every(({ id, secret: { length } }) => /^[\w.-]{1,50}$/.test(id) && length >= SECRET_MIN_CHARS);
    const isEachOnce = new Set(keys.map(({ id }) => id)).size === keys.length;
    return keys.length > 0 && fits && isEachOnce ? keys : undefined;
  },
};

function separated(given: string): string[] {
  return given
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function protocolOf(given: string): string {
  return URL.canParse(given) ? new URL(given).protocol : '';
}
