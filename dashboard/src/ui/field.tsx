import { clsx } from 'clsx';
import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes, TextareaHTMLAttributes } from 'react';

const BOX =
  'w-full border-2 border-ink bg-paper px-3 py-2 font-mono text-base text-ink placeholder:text-mute sm:text-sm';

/** A form control with its label and an optional hint. */
export function Field({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label className="block">
      <span className="caps mb-1 block">{label}</span>
      {children}
      {hint && <span className="mt-1 block text-xs text-mute">{hint}</span>}
    </label>
  );
}

export function TextInput({ className, ...rest }: InputHTMLAttributes<HTMLInputElement>) {
  return <input autoComplete="off" {...rest} className={clsx(BOX, 'min-h-10', className)} />;
}

export function TextArea({ className, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea {...rest} className={clsx(BOX, 'block resize-y', className)} />;
}

export function Select<T extends string>({
  options,
  className,
  ...rest
}: Omit<SelectHTMLAttributes<HTMLSelectElement>, 'children'> & {
  options: readonly (readonly [value: T, text: string])[];
}) {
  return (
    <select {...rest} className={clsx(BOX, 'min-h-10', className)}>
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** A group of radio buttons, each with a hint. */
export function Choice<T extends string>({
  legend,
  name,
  value,
  options,
  onChange,
}: {
  legend: string;
  name: string;
  value: T;
  options: readonly (readonly [value: T, text: string, hint: string])[];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset>
      <legend className="caps mb-1">{legend}</legend>
      <div className="grid gap-2 sm:grid-cols-3">
        {options.map(([option, text, hint]) => (
          <label
            key={option}
            className={clsx('border-2 px-3 py-2', option === value ? 'border-ink bg-ink text-paper' : 'border-faint')}
          >
            <span className="caps flex items-center gap-2">
              <input
                type="radio"
                name={name}
                className="accent-current"
                checked={option === value}
                onChange={() => onChange(option)}
              />
              {text}
            </span>
            <span className={clsx('mt-1 block text-xs', option !== value && 'text-mute')}>{hint}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
