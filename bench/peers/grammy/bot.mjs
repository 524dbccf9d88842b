// The shop's pages as a grammY bot with Redis sessions, as grammY's pages advise: its session plugin
// with the storage for Redis, webhookCallback on Node's own server, kept connections (its default), and
// the callback's answer in the webhook's reply.

import { createServer } from 'node:http'
import { RedisAdapter } from '@grammyjs/storage-redis'
import { Bot, session, webhookCallback } from 'grammy'
import { Redis } from 'ioredis'
import { open } from '../pages.mjs'

const env = process.env
const redis = new Redis(env.REDIS_URL)
const bot = new Bot(env.TELEGRAM_BOT_TOKEN, {
  client: { apiRoot: env.TELEGRAM_API_URL, canUseWebhookReply: method => method === 'answerCallbackQuery' },
})

bot.use(session({ initial: () => ({ version: 0 }), storage: new RedisAdapter({ instance: redis, ttl: 30 * 24 * 3600 }) }))

bot.on('callback_query:data', async ctx => {
  const key = 'customer:' + ctx.from.id
  const known = await redis.get(key)
  const customer = known === null ? { id: ctx.from.id, language: ctx.from.language_code ?? 'en', first_seen: new Date() } : JSON.parse(known)
  if (known === null) await redis.set(key, JSON.stringify(customer))
  const screen = open(ctx.session, ctx.callbackQuery.data)
  if (screen) {
    ctx.session.version++
    await ctx.editMessageText(screen.html, {
      parse_mode: 'HTML', link_preview_options: { is_disabled: true }, reply_markup: { inline_keyboard: screen.rows },
    })
  }
  await ctx.answerCallbackQuery()
})

bot.catch(({ error }) => { throw error })

const handle = webhookCallback(bot, 'http', { secretToken: env.TELEGRAM_WEBHOOK_SECRET })
const server = createServer((request, response) => {
  handle(request, response).catch(error => {
    console.error(error)
    if (!response.headersSent) response.writeHead(500)
    response.end()
  })
})
const [host, port] = env.LISTEN_ADDR.split(':')
await bot.init()
server.listen(Number(port), host)
process.on('SIGTERM', () => process.exit(0))
