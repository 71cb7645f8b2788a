/** The test kit's recording server, for tests that look closely at what arrives. */
export {
  recordingServer,
  type RecordedRequest,
  type RecordingServer,
} from "../../lib/testing/recording-server.js";
