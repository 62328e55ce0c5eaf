import t from 'tap'
import { judgeSample } from '../../src/explain/sample-verdict.ts'

t.test('each kind of rejected line is told in the words of the service, with the remedy where one is known', async t => {
  t.match(judgeSample({ outcome: 'unidentified', reason: 'unidentified' }), { verdict: /doesn’t match/, remedy: /name the appliance/ })
  t.match(judgeSample({ outcome: 'malformed', reason: 'bad_syntax' }), { verdict: /cannot read/, remedy: /use TCP/ })
  t.match(judgeSample({ outcome: 'rejected', reason: 'bad_time' }), { verdict: /leave it out/, remedy: /time_zone/ })
  t.equal(judgeSample({ outcome: 'malformed', reason: 'internal_error: x' }).remedy, undefined)
})
