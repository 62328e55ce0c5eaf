import { join } from 'node:path'
import t, { type Test } from 'tap'
import { convert } from '../../src/cli/convert.ts'
import { UsageError } from '../../src/cli/verb.ts'
import { parseConfig } from '../../src/config/load.ts'
import { applianceIds } from '../../src/lib/appliance-ids.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

const TOKEN = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'
/** As the portal prints it for Docker on Ubuntu, with syslog and with FTP. */
const SYSLOG = `(echo ${TOKEN}) | docker run --name MyLogCollector -p 514-515:514-515/udp -p 601:601/tcp -e "PUBLICIP='192.0.2.1'" -e "PROXY=192.0.2.9:8080" -e "SYSLOG=true" -e "CONSOLE=contoso.us2.portal.cloudappsecurity.com" -e "COLLECTOR=MyLogCollector" --security-opt apparmor:unconfined --cap-add=SYS_ADMIN --restart unless-stopped -a stdin -i mcr.microsoft.com/mcas/logcollector starter`
const FTP = `(echo ${TOKEN}) | docker run --name Files -p 21:21 -p 20000-20099:20000-20099 -e "PUBLICIP='192.0.2.1'" -e "PROXY=" -e "SYSLOG=false" -e "CONSOLE=contoso.eu2.portal.cloudappsecurity.com" -e "COLLECTOR=Files" --security-opt apparmor:unconfined --cap-add=SYS_ADMIN --restart unless-stopped -a stdin -i mcr.microsoft.com/mcas/logcollector starter`

/** What convert prints for a command, and the configuration that it is once the secrets lie where it says. */
async function converted(t: Test, command: string, args: string[] = []) {
  const cwd = testDir(t, { 'run.sh': command, secret: 'a-secret-of-a-test' })
  const io = memoryIo(cwd)
  t.equal(await convert([...args, 'run.sh'], io), 0)
  const yaml = io.out()
  const text = yaml.replaceAll(/\/run\/secrets\/\w+/g, join(cwd, 'secret'))
  return { yaml, notes: io.err(), ...parseConfig(text, { file: 'run.yaml', env: {}, cwd, appliances: applianceIds() }) }
}

t.test('a run command with syslog becomes a configuration that loads', async t => {
  const { config, yaml, notes } = await converted(t, SYSLOG)
  t.equal(config.tenant.url, 'https://contoso.us2.portal.cloudappsecurity.com')
  t.equal(config.tenant.proxy, 'http://192.0.2.9:8080')
  t.same(
    config.receivers.map(receiver => [receiver.name, 'listen' in receiver && receiver.listen]),
    [
      ['udp-514', '0.0.0.0:514'],
      ['udp-515', '0.0.0.0:515'],
      ['tcp-601', '0.0.0.0:601']
    ]
  )
  t.same(
    config.sources.map(({ name, from }) => [name, from.receivers]),
    [['MyLogCollector', []]]
  )
  t.notMatch(yaml + notes, TOKEN, 'the token is not printed')
  t.match(notes, /cannot fetch the list of data sources.*SLUICE_DATA_SOURCES/)
})

t.test('data sources that are named have the ports of their place', async t => {
  const { config } = await converted(t, SYSLOG, ['--data-sources', 'HQ=fortinet-fortigate, Branch'])
  t.same(
    config.sources.map(({ name, appliance, from }) => [name, appliance, from.receivers]),
    [
      ['HQ', 'fortinet-fortigate', ['udp-514', 'tcp-601']],
      ['Branch', 'auto', ['udp-515']]
    ]
  )
})

t.test('a run command with FTP becomes a receiver with its ports, address and account, and a password of our own', async t => {
  const { config, warnings } = await converted(t, FTP, ['--data-sources', 'HQ,Branch'])
  t.match(config.receivers, [
    { type: 'ftp', listen: '0.0.0.0:21', passive_port_min: 20000, passive_port_max: 20099, advertised_address: '192.0.2.1' }
  ])
  t.match(config.receivers[0], { accounts: [{ name: 'discovery', password: 'a-secret-of-a-test' }] })
  t.notOk(config.tenant.proxy, 'an empty PROXY is none')
  t.match(warnings, [{ message: /in the clear/ }])
})

t.test('a command over several lines is read, from bash and from PowerShell', async t => {
  for (const end of ['\\\n', '`\r\n']) {
    const { config } = await converted(t, SYSLOG.replaceAll(' -e ', ` ${end} --env=`).replaceAll('--env="', '-e "'))
    t.equal(config.tenant.url, 'https://contoso.us2.portal.cloudappsecurity.com')
  }
})

t.test('what is no run command, and what cannot be meant, is refused with a word on why', async t => {
  const refused = async (command: string, args: string[] = []): Promise<string> => {
    const cwd = testDir(t, { 'run.sh': command })
    const error = await convert([...args, 'run.sh'], memoryIo(cwd)).catch((error: unknown) => error)
    t.ok(error instanceof UsageError)
    return (error as Error).message
  }
  t.match(await refused('echo hello'), /no "docker run"/)
  t.match(await refused(SYSLOG.replace('SYSLOG=true', 'SYSLOG=maybe')), /SYSLOG is "maybe"/)
  t.match(await refused(SYSLOG, ['--data-sources', '../etc']), /"\.\.\/etc" is no name/)
  t.match(await refused('x'.repeat(70_000)), /longer than 64 KiB/)
})
