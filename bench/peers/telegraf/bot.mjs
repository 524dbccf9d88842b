// The shop's pages as a telegraf bot with Redis sessions, as telegraf's pages advise: its session
// middleware with the official store for Redis, its own webhook handler on Node's server, kept
// connections, and the callback's answer in the webhook's reply (its default).

import { Agent, createServer } from 'node:http'
import { Redis } from '@telegraf/session/redis'
import { createClient } from 'redis'
import { session, Telegraf } from 'telegraf'
import { open } from '../pages.mjs'

const env = process.env
const client = createClient({ url: env.REDIS_URL })
const store = Redis({ client }) // connects
const bot = new Telegraf(env.TELEGRAM_BOT_TOKEN, {
  telegram: { apiRoot: env.TELEGRAM_API_URL, agent: new Agent({ keepAlive: true, keepAliveMsecs: 10_000 }) },
})

bot.use(session({ store, defaultSession: () => ({ version: 0 }) }))

bot.on('callback_query', async ctx => {
  const key = 'customer:' + ctx.from.id
  const known = await client.get(key)
  const customer = known === null ? { id: ctx.from.id, language: ctx.from.language_code ?? 'en', first_seen: new Date() } : JSON.parse(known)
  if (known === null) await client.set(key, JSON.stringify(customer))
  const screen = open(ctx.session, ctx.callbackQuery.data)
  if (screen) {
    ctx.session.version++
    await ctx.editMessageText(screen.html, {
      parse_mode: 'HTML', link_preview_options: { is_disabled: true }, reply_markup: { inline_keyboard: screen.rows },
    })
  }
  await ctx.answerCbQuery()
})

bot.botInfo = await bot.telegram.getMe()
const handle = bot.webhookCallback('/telegram/webhook', { secretToken: env.TELEGRAM_WEBHOOK_SECRET })
const [host, port] = env.LISTEN_ADDR.split(':')
createServer(handle).listen(Number(port), host)
process.on('SIGTERM', () => process.exit(0))
