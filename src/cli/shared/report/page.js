// Draws the charts of a report. Runs in a browser: `uPlot` and the page are there.
/* global document, uPlot, getComputedStyle, matchMedia, ResizeObserver */
(() => {
  'use strict';
  const sides = JSON.parse(document.getElementById('figures').textContent);
  const COLORS = ['--ours', '--peer', '--third'];
  const DASHES = [undefined, [8, 5], [2, 4]];

  /** Shorter lags are drawn as this, in ms: a scale of powers of ten has no zero. */
  const SHORTEST = 0.1;
  const lagOf = (value) => (value === undefined ? null : Math.max(SHORTEST, value));

  /** What each chart draws: `line` of a sample, and `dots` beside it. */
  const charts = {
    thread: { line: (sample) => sample.mainThreadPercent, unit: '%' },
    lag: {
      line: (sample) => lagOf(sample.lagMs?.p99),
      dots: (sample) => lagOf(sample.lagMs?.max),
      unit: 'ms',
      // From a tenth of a ms to a second and more: else a single long one would hide all others.
      scale: { distr: 3, range: (plot, low, high) => [SHORTEST, 10 ** Math.ceil(Math.log10(Math.max(high, 1)))] },
    },
    memory: { line: (sample) => sample.rssMb, unit: 'MB' },
  };

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** From zero, so that what looks twice as high is twice as much, to a little above the highest. */
  const fromZero = (plot, low, high) => [0, high > 0 ? high * 1.08 : 1];

  /** A tick without a label is null. */
  const label = (value, unit) => (value === null ? null : `${Number(value.toPrecision(3))} ${unit}`);

  function draw(element) {
    const { line, dots, unit, scale = { range: fromZero } } = charts[element.dataset.chart];
    const series = [];
    const tables = [];
    for (const [at, { measured }] of sides.entries()) {
      const { samples } = measured;
      const seconds = samples.map((sample) => sample.at);
      const stroke = color(COLORS[at]);
      tables.push([seconds, samples.map(line), ...(dots ? [samples.map(dots)] : [])]);
      series.push({ stroke, width: 2.5, dash: DASHES[at], spanGaps: true, points: { show: samples.length < 3 } });
      if (dots) {
        const points = { show: true, size: 6, width: 1.5, stroke, fill: color('--panel') };
        series.push({ stroke, paths: () => null, points });
      }
    }
    const axis = { stroke: color('--dim'), grid: { stroke: color('--grid'), width: 1 }, ticks: { show: false } };
    const font = '13px system-ui, sans-serif';
    element.replaceChildren();
    return new uPlot(
      {
        width: element.clientWidth,
        height: element.clientHeight,
        padding: [8, 12, 0, 0],
        cursor: { sync: { key: 'time' }, y: false, drag: { x: false, y: false } },
        scales: { x: { time: false, range: (plot, low, high) => [0, high] }, y: scale },
        axes: [
          { ...axis, font, label: 'seconds since it began', labelFont: font, labelSize: 24, size: 32 },
          { ...axis, font, size: 66, values: (plot, ticks) => ticks.map((tick) => label(tick, unit)) },
        ],
        series: [{}, ...series],
      },
      uPlot.join(tables),
      element,
    );
  }

  const plots = new Map();
  const drawAll = () => {
    for (const element of document.querySelectorAll('.plot')) {
      plots.get(element)?.destroy();
      plots.set(element, draw(element));
    }
  };
  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  const resize = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      plots.get(target).setSize({ width: target.clientWidth, height: target.clientHeight });
    }
  });
  for (const element of plots.keys()) resize.observe(element);
})();
