"""How the page looks, in light and in dark."""

STYLE = """
:root { color-scheme: light dark; --weights: #4c72b0; --activations: #dd8452; --libraries: #937860;
  --graphs: #8172b3; --request: #55a868; --free: #bfe3c8; --edge: #c0392b; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --free: #2f5a3a; --edge: #ff6f61; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .6rem; background: #8881; border-radius: 4px; }
.finding { border-left: 4px solid #5b9bd5; }
.finding.error { border-color: var(--edge); }
.finding.warning { border-color: #e0a030; }
span.error, p.error, .does_not_fit .verdict { color: var(--edge); font-weight: 600; }
.tight .verdict, span.warning { color: #b07a10; font-weight: 600; }
figure { margin: .5rem 0 1rem; }
.bar { display: block; width: 100%; height: 26px; background: #8882; }
rect.weights { fill: var(--weights); } rect.activations { fill: var(--activations); }
rect.libraries { fill: var(--libraries); } rect.graphs { fill: var(--graphs); }
rect.request { fill: var(--request); } rect.free { fill: var(--free); }
line { stroke-width: 2; stroke: #888; } line.budget { stroke: var(--edge); stroke-width: 3; }
.legend span { display: inline-block; width: .9em; height: .9em; margin: 0 .35em 0 1em; }
.legend .weights { background: var(--weights); } .legend .activations { background: var(--activations); }
.legend .libraries { background: var(--libraries); } .legend .graphs { background: var(--graphs); }
.legend .request { background: var(--request); } .legend .free { background: var(--free); }
.legend .budget { width: 3px; background: var(--edge); }
footer { margin-top: 3rem; color: #888; }
"""
