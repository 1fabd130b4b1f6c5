// How the widget looks. A constructed style sheet: no host policy forbids it, and no style of the page gets in but what it sets
// on purpose (--ringback-…, parts). Logical properties only, so that right-to-left pages are right.

const CSS = `
:host {
  all: initial;
  color-scheme: inherit;
  --accent: var(--ringback-accent, light-dark(#3b4cca, #9aa6ff));
  --on-accent: var(--ringback-on-accent, light-dark(#fff, #0c0e13));
  --surface: var(--ringback-surface, light-dark(#fff, #171a22));
  --text: var(--ringback-text, light-dark(#151922, #eceff5));
  --radius: var(--ringback-radius, 16px);
  --inner: calc(var(--radius) * .6);
  --muted: color-mix(in srgb, var(--text) 70%, var(--surface));
  --line: color-mix(in srgb, var(--text) 13%, var(--surface));
  --edge: color-mix(in srgb, var(--text) 52%, var(--surface));
  --soft: color-mix(in srgb, var(--accent) 10%, var(--surface));
  --head: light-dark(var(--on-accent), var(--text));
  --good: light-dark(#0a6640, #74d7a6);
  --bad: light-dark(#ae231b, #ff9d93);
  --warn: light-dark(#835000, #f0be68);
  --offset: var(--ringback-offset, 20px);
  display: block;
  font-family: var(--ringback-font, inherit);
  font-size: 15px;
  line-height: 1.45;
  color: var(--text);
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([inline]) { max-inline-size: 420px; }
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
button, input, select, textarea { font: inherit; color: inherit; margin: 0; }
button { cursor: pointer; border: 0; background: none; padding: 0; }
h2, h3, p, fieldset, legend, dl, dd { margin: 0; padding: 0; border: 0; min-inline-size: 0; }
svg { inline-size: 1.25em; block-size: 1.25em; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round;
  stroke-linejoin: round; flex: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); text-underline-offset: 2px; }

.launcher { position: fixed; z-index: var(--ringback-layer, 2147483000); inset-block-end: var(--offset);
  inset-inline-end: var(--offset); display: inline-flex; align-items: center; gap: 10px;  padding: 14px 22px; border-radius: 99px; background: var(--accent); color: var(--on-accent); font-weight: 600;
  box-shadow: 0 8px 24px rgb(0 0 0 / 24%); }
.launcher:focus-visible { outline: 3px solid var(--surface); outline-offset: -5px; }

.panel { display: flex; flex-direction: column; overflow: hidden; outline: none; background: var(--surface);
  border: 1px solid var(--line); border-radius: var(--radius); }
:host(:not([inline])) .panel { position: fixed; z-index: var(--ringback-layer, 2147483000); inset-block-end: var(--offset);
  inset-inline-end: var(--offset); inline-size: min(400px, calc(100vw - 2 * var(--offset)));
  max-block-size: min(720px, calc(100dvh - 2 * var(--offset)));
  box-shadow: 0 8px 48px rgb(0 0 0 / 24%); animation: rise .2s ease-out; }
header { display: flex; align-items: start; gap: 12px; padding: 20px 20px 18px; background: light-dark(var(--accent), var(--soft)); color: var(--head); }
header > div { flex: 1; min-inline-size: 0; }
header h2 { font-size: 19px; line-height: 1.25; font-weight: 650; }
header p { display: flex; align-items: center; gap: 8px; margin-block-start: 5px; font-size: 14px; }
header p.free::before { content: ""; inline-size: 8px; block-size: 8px; border-radius: 9px; background: #4ade80; flex: none; }
.close { display: grid; place-items: center; inline-size: 36px; block-size: 36px; margin: -6px; border-radius: 99px; }
.close:hover { background: rgb(128 128 128 / 30%); }
.close:focus-visible { outline-color: var(--head); outline-offset: -2px; }
.body { overflow: auto; overscroll-behavior: contain; padding: 20px; }

form, .stack { display: grid; gap: 16px; }
label, legend { font-size: 14px; font-weight: 600; }
legend { margin-block-end: 8px; }
.field { display: grid; gap: 6px; }
.hint { font-weight: 400; color: var(--muted); font-size: 13px; }
.box { display: flex; background: var(--surface); border: 1px solid var(--edge); border-radius: var(--inner); overflow: clip; }
.box:focus-within { outline: 2px solid var(--accent); outline-offset: -1px; border-color: var(--accent); }
.box > * { border: 0; background: none; padding: 11px 12px; min-inline-size: 0; inline-size: 100%; outline: none; }
.box textarea { display: block; resize: vertical; min-block-size: 68px; }
.box ::placeholder { color: var(--muted); opacity: 1; }
.box .prefix { inline-size: auto; flex: none; color: var(--muted); border-inline-end: 1px solid var(--line); padding-inline-end: 10px; }
.box:has([aria-invalid]) { border-color: var(--bad); }
.fault { display: flex; gap: 6px; color: var(--bad); font-size: 14px; }
.fault svg { margin-block-start: .1em; }
.notice { display: flex; gap: 10px; padding: 12px 14px; border-radius: var(--inner); background: var(--soft); font-size: 14px; }
.notice.bad { color: var(--bad); }

.choices { display: grid; grid-template-columns: repeat(auto-fill, minmax(var(--least), 1fr)); gap: 8px; }
.choice { position: relative; display: grid; place-content: center; justify-items: center; gap: 1px; padding: 9px 6px; text-align: center;
  border: 1px solid var(--line); border-radius: var(--inner); cursor: pointer; }
.choice input { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; opacity: 0; cursor: pointer; }
.choice small { font-weight: 400; font-size: 13px; color: var(--muted); }
.choice:hover { border-color: var(--edge); }
.choice:has(:checked) { background: var(--soft); border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.choice:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 2px; }
.when { --least: 140px; }
.days { --least: 56px; gap: 6px; }
.times { --least: 76px; max-block-size: 190px; overflow: auto; padding: 3px; margin: -3px; }
.days .choice, .times .choice { font-weight: 500; font-variant-numeric: tabular-nums; }

.send { display: flex; align-items: center; justify-content: center; gap: 8px; inline-size: 100%; padding: 13px 18px;
  border-radius: var(--inner); background: var(--accent); color: var(--on-accent); font-weight: 600; }
.send:hover, .launcher:hover { filter: brightness(1.1); }
.send[aria-disabled="true"] { opacity: .75; cursor: progress; }
.consent { font-size: 13px; color: var(--muted); text-align: center; text-wrap: balance; }
.trap { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }

.state { display: grid; justify-items: center; gap: 6px; text-align: center; padding-block: 8px; }
.state h3 { font-size: 19px; line-height: 1.3; font-weight: 650; text-wrap: balance; }
.state p { color: var(--muted); text-wrap: balance; }
.badge { --tone: var(--accent); position: relative; display: grid; place-items: center; inline-size: 68px; block-size: 68px;
  margin-block-end: 10px; border-radius: 99px; color: var(--tone); background: color-mix(in srgb, var(--tone) 13%, var(--surface));
  font-size: 22px; }
.good { --tone: var(--good); }
.warn { --tone: var(--warn); }
.quiet { --tone: var(--muted); }
.live::after { content: ""; position: absolute; inset: 0; border-radius: 99px; border: 2px solid var(--tone);
  animation: ring 1.8s ease-out infinite; }
.facts { display: flex; justify-content: space-between; gap: 12px; padding: 12px 14px; border: 1px solid var(--line);
  border-radius: var(--inner); font-size: 14px; }
.facts dt { color: var(--muted); }
.facts dd { font-weight: 600; font-variant-numeric: tabular-nums; }
.more { font-size: 14px; text-align: center; padding: 6px; }
.wait { min-block-size: 320px; color: var(--muted); }

@media (max-width: 480px) {
  :host(:not([inline])) .panel { inset-inline: 0; inset-block-end: 0; inline-size: 100%; max-block-size: calc(100dvh - 16px);
    border-radius: var(--radius) var(--radius) 0 0; border-width: 1px 0 0; }
  .body { padding-block-end: max(20px, env(safe-area-inset-bottom)); }
  input, select, textarea { font-size: 16px; }
}
@media (prefers-reduced-motion: reduce) {
  * { animation: none !important; }
}
@keyframes rise { from { opacity: 0; transform: translateY(16px); } }
@keyframes ring { from { opacity: .8; } to { opacity: 0; transform: scale(1.5); } }
`;

export const style = new CSSStyleSheet();
style.replaceSync(CSS);
