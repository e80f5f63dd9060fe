import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface Alert {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description: string; runbook_url: string };
}

export const alerts = (parse(readFileSync('deploy/prometheus/alerts.yml', 'utf8')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);

interface Panel {
  id: number;
  type: string;
  title: string;
  datasource?: { uid: string };
  targets?: { expr: string; legendFormat: string }[];
}

export const panels = (JSON.parse(readFileSync('deploy/grafana/dashboards/truetag.json', 'utf8')) as { panels: Panel[] }).panels;

/** Every expression of the dashboard, as Prometheus would be asked it. */
export const dashboardExpressions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
