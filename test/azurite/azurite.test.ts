import { BlobServiceClient } from '@azure/storage-blob'
import t from 'tap'
import { startAzurite } from './azurite.ts'

t.test('Azurite starts on a free port, keeps a blob, and ends', async t => {
  const azurite = await startAzurite()
  t.teardown(() => azurite.stop())
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('logs')
  await container.create()
  await container.getBlockBlobClient('a/1.log').upload('hello', 5)
  t.equal(String(await container.getBlobClient('a/1.log').downloadToBuffer()), 'hello')
  t.equal(container.url, `${azurite.url}/logs`)
})
