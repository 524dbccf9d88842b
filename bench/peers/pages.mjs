// The shop's pages drawn in JavaScript, for the peers on Node: the same as pages/ in Go, from the same
// catalogue file. The benchmark compares what it draws with the shop's own screens, letter by letter.

import { readFileSync } from 'node:fs'

const rowsPerScreen = 10
const placesPerPage = 8
const countriesOnePage = 18
const countriesPerPage = 16
const lettersPerRow = 6
const namesFolded = 10
const operatorsShown = 4
const filterFrom = 5
const MB = 2 ** 20
const GB = 2 ** 30

const c = JSON.parse(readFileSync(process.env.CATALOGUE, 'utf8'))
const letters = new Map(c.letters.map(l => [l.letter, l.places]))
const { texts, places, plans } = c

/** Draws the page that data names and moves the session there; undefined for a page there isn't. */
export function open(session, data) {
  const [word, arg, second] = data.split('/')
  session.page = data
  switch (word) {
    case 'dest':
      session.from = data
      return destinations()
    case 'regions':
      session.from = data
      return regions(page(arg))
    case 'az':
      session.from = data
      return arg === undefined ? alphabet() : letter(arg, page(second))
    case 'plans':
      return places[arg] && plansOf(session, places[arg], page(second))
    case 'plan':
      return plans[arg] && planPage(session, arg, plans[arg])
  }
}

const page = word => Number.parseInt(word ?? '1', 10) || 1
const button = (text, data, style) => style ? { text, callback_data: data, style } : { text, callback_data: data }
const back = data => button(texts.back, data)

function destinations() {
  const rows = inRows(c.popular.map(id => button(places[id].name, 'plans/' + id)), 2)
  const wide = [button(texts.button_regions, 'regions')]
  if (c.global) wide.push(button(places[c.global].name, 'plans/' + c.global))
  rows.push(wide, [button(texts.button_az, 'az')], [back('start')])
  return { html: texts.destinations, rows }
}

function regions(asked) {
  const { n, pages, from, to } = leaf(c.regions.length, placesPerPage, asked)
  const rows = c.regions.slice(from, to).map(id => {
    const p = places[id]
    const args = { Place: cut(p.name, 48), Price: money(p.from) }
    if (p.countries?.length > 1 && !p.name.includes('(')) {
      return [button(fill('places_button', { ...args, Count: p.countries.length }), 'plans/' + id)]
    }
    return [button(fill('place_button', args), 'plans/' + id)]
  })
  pager(rows, 'regions', n, pages)
  rows.push([back('dest')])
  return { html: texts.regions, rows }
}

function alphabet() {
  const rows = inRows(c.letters.map(l => button(l.letter, 'az/' + l.letter)), lettersPerRow)
  rows.push([back('dest')])
  return { html: texts.letters, rows }
}

function letter(name, asked) {
  const ids = letters.get(name) ?? []
  const { n, pages, from, to } = leaf(ids.length, ids.length > countriesOnePage ? countriesPerPage : countriesOnePage, asked)
  const rows = inRows(ids.slice(from, to).map(id => button(places[id].name, 'plans/' + id)), 2)
  pager(rows, 'az/' + name, n, pages)
  rows.push([back('az')])
  return { html: fill('letter', { Letter: escape(name) }), rows }
}

/** What stands below a place's plans. */
function below(session, p) {
  const rows = []
  if (p.plans.length >= filterFrom) {
    rows.push([
      button(fill('filter_open', { Choice: texts.filter_any_length }), 'length/' + p.id),
      button(fill('filter_open', { Choice: texts.filter_any_size }), 'size/' + p.id),
    ])
  }
  const more = (p.countries?.length ?? 0) - namesFolded
  if (more > 1) rows.push([button(count('button_covers', more), 'covers/' + p.id)])
  rows.push([button(texts.button_my_phone, 'phone/' + p.id), back(session.from || 'dest')])
  return rows
}

const plansLeaf = (total, rows, n) => leaf(total, total > rows ? rows - 1 : rows, n)

function plansOf(session, p, asked) {
  const last = below(session, p)
  const { n, pages, from, to } = plansLeaf(p.plans.length, rowsPerScreen - last.length, asked)
  const marks = new Set()
  const rows = p.plans.slice(from, to).map(ref => {
    const plan = plans[ref]
    const data = allowance(plan)
    let text = `${data} · ${count('days', plan.days)} · ${money(plan.price)}`
    let style
    if (data.endsWith('*')) marks.add('mark_fair_use')
    if (voiced(plan)) {
      marks.add('mark_voice')
      text = fill('plan_voice', { Plan: text })
    }
    if (ref === p.best) {
      marks.add('mark_best')
      text = fill('plan_best', { Plan: text })
      style = 'primary'
    }
    return [button(text, 'plan/' + ref, style)]
  })
  const html = join('\n\n', [
    join('\n', [`<b>${escape(p.name)}</b>`, networks(p.operators, p.speeds)]),
    folded(p.countries),
    ['mark_best', 'mark_fair_use', 'mark_voice'].filter(m => marks.has(m)).map(m => texts[m]).join('\n'),
  ])
  pager(rows, 'plans/' + p.id, n, pages)
  rows.push(...last)
  return { html, rows }
}

function planPage(session, ref, p) {
  const place = places[p.place]
  let hint = ''
  if (!session.hinted) {
    hint = texts.plan_phone_hint
    session.hinted = true
  }
  const name = fill('plan_name', { Place: place.name, Data: allowance(p), Days: count('days', p.days) })
  const html = join('\n\n', [
    join('\n', [`<b>${escape(name)}</b>`, priceLine(p)]),
    join('\n', [
      networks(p.operators, p.speeds), fill('valid', { Days: count('days', p.days) }), fairUse(p), voice(p),
      p.can_top_up ? texts.can_top_up : '',
    ]),
    folded(p.countries),
    join('\n', [pictured(p), p.cancels ? texts.refund_until_installed : texts.refund_if_broken]),
    hint,
  ])
  const rows = [[button(fill('button_buy', { Price: money(p.price) }), `buy/${ref}/${p.price}`, 'primary')]]
  const countries = p.countries?.length ?? 0
  if (countries > namesFolded + 1) rows.push([button(count('button_works', countries), 'works/' + ref)])
  rows.push([button(texts.button_my_phone, 'phone/' + ref), back(pageOf(session, place, ref))])
  return { html, rows }
}

/** The page of a place's plans on which ref stands. */
function pageOf(session, place, ref) {
  const rows = rowsPerScreen - below(session, place).length
  const at = place.plans.indexOf(ref)
  for (let n = 1; ; n++) {
    const { pages, to } = plansLeaf(place.plans.length, rows, n)
    if (at >= to && n < pages) continue
    return n === 1 ? 'plans/' + place.id : `plans/${place.id}/${n}`
  }
}

function pager(rows, data, n, pages) {
  if (pages < 2) return
  const row = []
  if (n > 1) row.push(button(texts.page_previous, `${data}/${n - 1}`))
  row.push(button(fill('page_of', { Page: n, Pages: pages }), `${data}/${n}`))
  if (n < pages) row.push(button(texts.page_next, `${data}/${n + 1}`))
  rows.push(row)
}

function priceLine(p) {
  if (p.kind === 'fixed' && p.bytes > GB) {
    const each = Math.round(p.price * GB / p.bytes)
    if (each > 0) return fill('price_per_gb', { Price: money(p.price), PerGB: money(each) })
  }
  return `<b>${money(p.price)}</b>`
}

function fairUse(p) {
  if (p.kind === 'fixed') return ''
  if (p.daily_bytes && p.throttle_kbps) return fill('fair_use_throttled', { Data: amount(p.daily_bytes), Speed: speed(p.throttle_kbps) })
  if (p.daily_bytes) return fill('fair_use_daily', { Data: amount(p.daily_bytes) })
  if (p.fair_use) return fill('fair_use_quoted', { Rule: escape(cut(p.fair_use, 300)) })
  return texts.fair_use_untold
}

const voiced = p => Boolean(p.voice_minutes || p.sms)

function voice(p) {
  if (!voiced(p)) return texts.data_only
  const some = (n, unlimited, counted) => !n ? '' : n < 0 ? texts[unlimited] : count(counted, n)
  const calls = some(p.voice_minutes, 'voice_unlimited', 'voice_minutes')
  const sms = some(p.sms, 'sms_unlimited', 'sms_count')
  if (!calls || !sms) return fill('phone_number_with', { What: calls + sms })
  return fill('phone_number_both', { Calls: calls, Texts: sms })
}

function pictured(p) {
  if (p.kind !== 'fixed') return texts.picture_daily
  const sizes = [[1, 'tiny'], [3, 'small'], [5, 'medium'], [10, 'large'], [20, 'larger'], [Infinity, 'huge']]
  const [, size] = sizes.find(([limit]) => p.bytes < limit * GB)
  return fill('picture_' + size, { Data: amount(p.bytes) })
}

function networks(operators = [], speeds = []) {
  let names = operators.slice(0, operatorsShown).map(o => cut(o, 40)).join(texts.list_comma)
  if (operators.length > operatorsShown) names = count('networks_more', operators.length - operatorsShown, { Names: names })
  names = escape(names)
  if (names && speeds.length) return fill('networks_speeds', { Names: names, Speeds: speeds.join('/') })
  if (names) return fill('networks', { Names: names })
  return speeds.length ? fill('speeds', { Speeds: speeds.join('/') }) : ''
}

/** Names the first countries and counts the rest. */
function folded(names = []) {
  if (names.length < 2) return ''
  if (names.length <= namesFolded + 1) return fill('works_in', { Names: escape(names.join(texts.list_comma)) })
  return count('works_in_more', names.length, { Names: escape(names.slice(0, namesFolded).join(texts.list_comma)) })
}

function allowance(p) {
  if (p.kind === 'fixed') return amount(p.bytes)
  if (p.kind === 'daily') return fill('per_day', { Data: amount(p.daily_bytes) })
  return texts.unlimited + (p.fair_use || p.throttle_kbps ? '*' : '')
}

/** Writes an amount of data: "1 GB", "1.5 GB", "500 MB". */
function amount(bytes) {
  if (bytes < GB - MB / 2) return fill('format_mb', { Number: Math.round(bytes / MB) })
  const hundredths = bytes * 100 / GB
  return fill('format_gb', { Number: Number.isInteger(hundredths) ? hundredths / 100 : Math.round(bytes * 10 / GB) / 10 })
}

function speed(kbps) {
  if (kbps < 1000) return fill('format_kbps', { Number: kbps })
  return fill('format_mbps', { Number: kbps % 1024 === 0 ? kbps / 1024 : Math.round(kbps / 100) / 10 })
}

const count = (key, n, args) => fill(key + (n === 1 ? '.one' : '.other'), { ...args, Count: n })
const fill = (key, args) => texts[key].replace(/\{\{\.(\w+)\}\}/g, (_, name) => args[name])
const money = cents => '$' + (cents / 100).toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ',')
const escape = s => s.replace(/[&<>"]/g, x => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[x])
const join = (separator, parts) => parts.filter(Boolean).join(separator)

function cut(s, n) {
  if (s.length <= n) return s
  const letters = [...s]
  return letters.length <= n ? s : letters.slice(0, n - 1).join('').trim() + '…'
}

function inRows(buttons, perRow) {
  const rows = []
  for (let i = 0; i < buttons.length; i += perRow) rows.push(buttons.slice(i, i + perRow))
  return rows
}

/** Cuts a list into pages: items from…to of page n of pages. */
function leaf(total, perPage, asked) {
  const pages = Math.max(1, Math.ceil(total / perPage))
  const n = Math.min(Math.max(asked, 1), pages)
  return { n, pages, from: (n - 1) * perPage, to: Math.min(n * perPage, total) }
}
