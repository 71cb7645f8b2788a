/** A real OpenTelemetry SDK: metrics as Prometheus gets them, and the spans that have ended. */
import * as api from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";

import { listening } from "../../lib/testing/listening.js";

/** The SDK of a test file. */
export interface Sdk {
  /** What Prometheus reads. */
  readonly scrape: () => Promise<Scrape>;
  /** Those that have ended, oldest first. */
  readonly spans: () => readonly ReadableSpan[];
  /** Runs work below a span of the application, with baggage. */
  readonly inSpan: <Result>(work: () => Promise<Result>) => Promise<Result>;
  readonly close: () => Promise<void>;
}

/** Metrics in Prometheus' text format. */
export interface Scrape {
  readonly text: string;
  /** The sum of a metric's samples that have these labels. */
  readonly sum: (
    name: string,
    labels?: Readonly<Record<string, string>>,
  ) => number;
  /** Names of all metrics, and of all labels. */
  readonly names: ReadonlySet<string>;
}

/** Registers the SDK for this process, as an application does before it creates the kit. */
export async function startSdk(): Promise<Sdk> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  api.metrics.setGlobalMeterProvider(
    new MeterProvider({ readers: [exporter] }),
  );
  const spans = new InMemorySpanExporter();
  const tracing = new NodeTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(spans)],
  });
  tracing.register();
  const server = await listening();
  server.serve((req, res) => {
    exporter.getMetricsRequestHandler(req, res);
  });
  return {
    async scrape() {
      const answer = await fetch(server.url);
      return readScrape(await answer.text());
    },
    spans: () => spans.getFinishedSpans(),
    inSpan(work) {
      const span = api.trace.getTracer("application").startSpan("request");
      const baggage = api.propagation.createBaggage({
        customer: { value: "acme" },
      });
      const context = api.propagation.setBaggage(
        api.trace.setSpan(api.context.active(), span),
        baggage,
      );
      return api.context.with(context, work).finally(() => {
        span.end();
      });
    },
    async close() {
      await server.close();
      await tracing.shutdown();
      for (const part of [
        api.metrics,
        api.trace,
        api.context,
        api.propagation,
      ]) {
        part.disable();
      }
    },
  };
}

function readScrape(text: string): Scrape {
  const samples = [
    ...text.matchAll(/^(?<name>\w+)(?:\{(?<labels>.*)\})? (?<value>\S+)$/gm),
  ].map(({ groups: { name = "", labels = "", value = "" } = {} }) => ({
    name,
    labels: new Map(
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
        ([, label = "", content = ""]) => [label, content],
      ),
    ),
    value: Number(value),
  }));
  return {
    text,
    sum: (name, wanted = {}) =>
      samples
        .filter(
          (sample) =>
            sample.name === name &&
            Object.entries(wanted).every(
              ([label, value]) => sample.labels.get(label) === value,
            ),
        )
        .reduce((sum, { value }) => sum + value, 0),
    names: new Set(
      samples.flatMap(({ name, labels }) => [name, ...labels.keys()]),
    ),
  };
}
