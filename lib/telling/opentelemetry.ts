/** The part of `@opentelemetry/api` that the kit uses, so that no version of it is imported. */

/** What a measurement or a span is about. */
export type Attributes = Record<string, string | number>;

/** What an instrument is for. */
export interface InstrumentOptions {
  readonly description: string;
  readonly unit: string;
  readonly advice?: { explicitBucketBoundaries: number[] };
}

/** Sorts measurements by size. */
export interface Histogram {
  record(value: number, attributes?: Attributes): void;
}

/** Counts. */
export interface Counter {
  add(value: number, attributes?: Attributes): void;
}

/** Is asked for its value when somebody reads it. */
export interface Observable {
  addCallback(
    callback: (result: { observe(value: number): void }) => void,
  ): void;
}

/** Makes instruments. */
export interface Meter {
  createHistogram(name: string, options?: InstrumentOptions): Histogram;
  createCounter(name: string, options?: InstrumentOptions): Counter;
  createObservableCounter(
    name: string,
    options?: InstrumentOptions,
  ): Observable;
  createObservableUpDownCounter(
    name: string,
    options?: InstrumentOptions,
  ): Observable;
}

/** A piece of work in a trace. */
export interface Span {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number }): unknown;
  end(): void;
}

/** Makes spans. */
export interface Tracer {
  startSpan(
    name: string,
    options?: { kind?: number; attributes?: Attributes },
  ): Span;
}

/** Members of the module `@opentelemetry/api`, 1.4 or later. */
export interface OpenTelemetry {
  /** Where measurements go. Absent: nothing is measured. */
  readonly metrics?: { getMeter(name: string): Meter };
  /** Where spans go. Absent: there are none. */
  readonly trace?: {
    getTracer(name: string): Tracer;
    setSpan(context: unknown, span: Span): unknown;
  };
  /** What is under way; needed with `trace`. */
  readonly context?: {
    active(): unknown;
    with<Result>(context: unknown, run: () => Result): Result;
  };
  /** Puts the trace on requests; needed with `trace`. */
  readonly propagation?: {
    inject(context: unknown, carrier: Record<string, string>): void;
  };
}
