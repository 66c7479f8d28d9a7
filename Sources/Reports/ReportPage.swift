extension Report {
  /// One page: no network, no script; light and dark, narrow and wide, and on paper.
  public var html: String {
    """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Chart.escaped(title))</title>
    <style>
    :root { color-scheme: light dark; --ground: #fff; --ink: #222; --rule: #ccc; --shade: rgba(0, 0, 0, .28); }
    @media (prefers-color-scheme: dark) { :root { --ground: #16181c; --ink: #ddd; --rule: #444; --shade: rgba(255, 255, 255, .28); } }
    body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2, h3 { font-size: 1.1rem; }
    .headline { font-size: 1.15rem; } .problem { border-left: 4px solid #d55e00; padding-left: .7rem; overflow-wrap: anywhere; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem 1.5rem; margin: 1.5rem 0; }
    figure { margin: 0; break-inside: avoid; } svg.chart { display: block; width: 100%; height: auto; color: var(--ink); break-inside: avoid; }
    figcaption { font-size: .85rem; opacity: .85; }
    figure.panels { grid-column: 1 / -1; } figure.panels > svg { max-width: 30rem; break-after: avoid; }
    figure.panels > div { display: grid; gap: .5rem 1.5rem; }
    @media (min-width: 52rem), print {
      figure.panels > div { grid-template-columns: 1fr 1fr; }
      /* Beside and above another panel with the same axes. */
      figure.panels > div > svg:nth-child(even) .name-y, figure.panels > div > svg:nth-last-child(n + 3) .name-x { visibility: hidden; }
    }
    img.sheet { width: 100%; max-width: 44rem; margin-top: 1rem; image-rendering: pixelated; }
    /* A shade at the right where a table goes on; what moves with the table hides it at the end. */
    .scroll { overflow-x: auto; background:
      linear-gradient(to left, var(--ground) 1rem, transparent) right / 3rem 100% no-repeat local,
      linear-gradient(to left, var(--shade), transparent) right / .9rem 100% no-repeat scroll; }
    table { border-collapse: collapse; font-size: .9rem; }
    th, td { border-bottom: 1px solid var(--rule); padding: .3rem .6rem; text-align: left; vertical-align: top; }
    td { white-space: nowrap; } td.long, td.phrase { white-space: normal; min-width: 7rem; } td.long { min-width: 13rem; }
    th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
    tr > :first-child { position: sticky; left: 0; padding-left: 0; background: var(--ground); }
    @media (max-width: 40rem) { tr > :first-child { max-width: 9rem; min-width: 5rem; white-space: normal; overflow-wrap: break-word; } }
    .card { border-left: 3px solid var(--rule); padding-left: .8rem; break-inside: avoid; font-size: .9rem; }
    .card p { margin: .2rem 0; overflow-wrap: anywhere; } .card b { font-weight: 600; opacity: .8; }
    pre { overflow-x: auto; font-size: .8rem; }
    @media print {
      :root { color-scheme: light; --ground: #fff; --ink: #000; --rule: #ccc; }
      body { max-width: none; padding: 0; font-size: 11pt; } .charts { grid-template-columns: 1fr 1fr; }
      .scroll { overflow: visible; background: none; } table { font-size: 8pt; } tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
      th { overflow-wrap: break-word; } td, td.long, td.phrase { white-space: normal; min-width: 0; } tr > :first-child { position: static; }
      figure.panels { break-inside: auto; } figure.panels > svg { max-width: 21rem; } details { display: none; } .card details { display: block; }
    }
    </style></head><body>
    <h1>\(Chart.escaped(title))</h1>
    \(body)</body></html>

    """
  }
}
