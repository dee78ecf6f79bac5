"""How the page looks: in light and in dark, on phones and on paper."""

STYLE = """
:root { color-scheme: light dark; --weights: #4c72b0; --activations: #dd8452; --libraries: #937860;
  --graphs: #8172b3; --request: #55a868; --free: #bfe3c8; --bad: #c0392b; --doubt: #8a5d00; --line: #8884;
  --advice: #5b9bd5; --mark: #111; }
@media (prefers-color-scheme: dark) {
  :root { --free: #2f5a3a; --bad: #ff7b6b; --doubt: #e0a030; --mark: #fff; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem; }
h3 { overflow-wrap: anywhere; margin-bottom: .3rem; }
section { margin-bottom: 1.6rem; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
.capacity { width: 100%; }
.capacity td:first-child, .capacity td:nth-child(6) { overflow-wrap: anywhere; min-width: 10rem; }
.capacity td:nth-child(8) { min-width: 5rem; }
.capacity td:nth-child(7), .capacity td:nth-child(9), .capacity td small, .capacity td span {
  white-space: nowrap; }
small, .note, footer { color: light-dark(#555, #aaa); }
pre { overflow-x: auto; padding: .6rem; margin: .3rem 0 .6rem; background: #8881; border-radius: 4px;
  font: 13px/1.45 ui-monospace, monospace; unicode-bidi: bidi-override; }
.finding span { display: block; } .finding .prose { white-space: pre-wrap; overflow-wrap: anywhere; }
section pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.finding { border-left: 4px solid var(--advice); }
.finding.error { border-color: var(--bad); }
.finding.warning { border-color: var(--doubt); }
:target { outline: 2px solid var(--advice); }
span.error, p.error, .does_not_fit .verdict, .refused .verdict { color: var(--bad); font-weight: 600; }
.tight .verdict, span.warning { color: var(--doubt); font-weight: 600; }
.refused td:nth-child(4), .refused td:nth-child(5) { opacity: .55; }
figure { margin: .5rem 0 1rem; break-inside: avoid; }
.bar { display: block; width: 100%; height: 26px; background: #8882; }
rect.weights { fill: var(--weights); } rect.activations { fill: var(--activations); }
rect.libraries { fill: var(--libraries); } rect.graphs { fill: var(--graphs); }
rect.request { fill: var(--request); } rect.free { fill: var(--free); }
line { stroke-width: 2px; stroke: #888; vector-effect: non-scaling-stroke; }
line.budget { stroke: var(--mark); stroke-width: 3px; }
line.excess { stroke: var(--bad); stroke-width: 14px; }
.legend span { display: inline-block; margin-right: 1.2em; white-space: nowrap; }
.legend i { display: inline-block; width: .9em; height: .9em; margin-right: .4em; vertical-align: -.1em; }
.legend .weights { background: var(--weights); } .legend .activations { background: var(--activations); }
.legend .libraries { background: var(--libraries); } .legend .graphs { background: var(--graphs); }
.legend .request { background: var(--request); } .legend .free { background: var(--free); }
.legend .budget { width: 3px; background: var(--mark); } .legend .card { width: 2px; background: #888; }
.legend .excess { height: .45em; background: var(--bad); }
details { margin-top: .3rem; } summary { cursor: pointer; }
details td, details thead th + th { text-align: right; } details td[colspan] { text-align: left; }
details th, details td { padding: .1rem .8rem .1rem 0; font-weight: normal; }
.unchecked { overflow-wrap: anywhere; }
footer { margin-top: 3rem; }
@media screen and (max-width: 60rem) {
  .capacity thead { display: none; }
  .capacity, .capacity tbody, .capacity tr, .capacity td { display: block; }
  .capacity tr { border: 1px solid var(--line); border-radius: 4px; margin: 0 0 .8rem; padding: .3rem .6rem; }
  .capacity td { border: 0; padding: .1rem 0; }
  .capacity td:not(:first-child)::before { content: attr(data-label) ": "; color: light-dark(#555, #aaa); }
}
@media print {
  :root { color-scheme: light; --free: #bfe3c8; --bad: #c0392b; --doubt: #8a5d00; --mark: #111; }
  .capacity { font-size: 7.5pt; }
  .capacity th, .capacity td { padding: .2rem .3rem; min-width: 0 !important; }
  tr { break-inside: avoid; }
  body { font-size: 9pt; max-width: none; margin: 0; padding: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  pre, .finding .columns { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 7.5pt; }
  summary { display: none; }
  h2, h3 { break-after: avoid; }
}
"""
