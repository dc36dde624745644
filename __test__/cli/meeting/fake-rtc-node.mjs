// Stands in for the process of the other backend. FAKE_RTC_NODE says what becomes of it.
import { cost, participant, standIn } from './fake-process.mjs';

standIn(() => ({
  behaviour: process.env.FAKE_RTC_NODE,
  result: {
    participants: ['participant-01', 'participant-02'].map((identity) => participant(identity, 800, false)),
    ...cost,
  },
}));
