/**
 * What WhatsApp can send: every field of WAProto's `Message`, and what is made of it. Data, and the one place for it.
 *
 * A field that is missing here is told as `unsupported` under its name, and a wrapper that is missing is taken off all the
 * same, for WAProto says which fields are wrappers (`wrappers.ts`); but a test fails for each that a newer WAProto adds, so that
 * somebody decides. What stands here and not yet in the WAProto that we ship is what phones send already: `newer.ts` reads it.
 */

/** Whether a message may be passed on: as it is, as the text that a phone shows of it, or not at all. */
export type Forwarding = 'whole' | 'text' | 'no'

export type Treatment =
  /** It is content of the contract's: `content.ts` reads it. `about`: its field with the key of the message that it answers. */
  | { is: 'content'; forwards: Forwarding; about?: string }
  /** A message lies in it. `isTold`: a backend learns that it was wrapped so. */
  | { is: 'wrapper'; isShown: boolean }
  /** It is about an earlier message, which it names; `changes.ts` reads it. What is about nothing is not told. */
  | { is: 'change' }
  /** Beside the content, or between devices: it has none of its own. */
  | { is: 'silent' }
  /** Told as `unsupported`, with its name; with `about`, its field with the key of an earlier message, as a change of that one. */
  | { is: 'unsupported'; about?: string }

const whole: Treatment = { is: 'content', forwards: 'whole' }
const asText: Treatment = { is: 'content', forwards: 'text' }
const here: Treatment = { is: 'content', forwards: 'no' }
const answer = (about: string): Treatment => ({ is: 'content', forwards: 'no', about })
/** How a message travels. */
const cover: Treatment = { is: 'wrapper', isShown: false }
/** What it is, beside what is in it. */
const frame: Treatment = { is: 'wrapper', isShown: true }
const change: Treatment = { is: 'change' }
const silent: Treatment = { is: 'silent' }
const unsupported = (about?: string): Treatment => (about === undefined ? { is: 'unsupported' } : { is: 'unsupported', about })

export const FIELDS: Readonly<Record<string, Treatment>> = {
  conversation: whole,
  extendedTextMessage: whole,
  imageMessage: whole,
  videoMessage: whole,
  ptvMessage: whole,
  audioMessage: whole,
  documentMessage: whole,
  stickerMessage: whole,
  locationMessage: whole,
  contactMessage: whole,
  contactsArrayMessage: whole,

  // Of businesses, and what people answer them
  templateMessage: asText,
  highlyStructuredMessage: asText,
  interactiveMessage: asText,
  buttonsMessage: asText,
  listMessage: asText,
  productMessage: asText,
  orderMessage: asText,
  invoiceMessage: asText,
  buttonsResponseMessage: asText,
  listResponseMessage: asText,
  templateButtonReplyMessage: asText,
  interactiveResponseMessage: asText,
  richResponseMessage: asText, // of Meta's AI
  pollResultSnapshotMessage: asText,
  pollResultSnapshotMessageV3: asText,

  // What counts in its own chat alone
  liveLocationMessage: here,
  pollCreationMessage: here,
  pollCreationMessageV2: here,
  pollCreationMessageV3: here,
  pollCreationMessageV5: here,
  pollCreationMessageV6: here,
  eventMessage: here,
  eventInviteMessage: here,
  scheduledCallCreationMessage: here,
  albumMessage: here,
  groupInviteMessage: here,
  newsletterAdminInviteMessage: here,
  newsletterFollowerInviteMessageV2: here,
  stickerPackMessage: here,
  sendPaymentMessage: answer('requestMessageKey'),
  requestPaymentMessage: here,
  splitPaymentMessage: here,
  paymentReminderMessage: here,
  questionResponseMessage: answer('key'),
  statusQuestionAnswerMessage: answer('key'),
  statusQuotedMessage: answer('originalStatusId'),

  deviceSentMessage: cover,
  ephemeralMessage: cover,
  viewOnceMessage: cover,
  viewOnceMessageV2: cover,
  viewOnceMessageV2Extension: cover,
  documentWithCaptionMessage: cover,
  editedMessage: cover,
  lottieStickerMessage: cover,
  associatedChildMessage: cover, // told by its association
  pollCreationMessageV4: cover,
  botInvokeMessage: frame,
  botForwardedMessage: frame,
  botTaskMessage: frame,
  botPlatformRegistrationSuccessMessage: frame,
  eventCoverImage: frame,
  groupMentionedMessage: frame,
  groupStatusMentionMessage: frame,
  groupStatusMessage: frame,
  groupStatusMessageV2: frame,
  limitSharingMessage: frame,
  newsletterAdminProfileMessage: frame,
  newsletterAdminProfileStatusMessage: frame,
  pollCreationOptionImageMessage: frame,
  questionMessage: frame,
  questionReplyMessage: frame,
  spoilerMessage: frame,
  statusAddYours: frame,
  statusMentionMessage: frame,

  protocolMessage: change,
  reactionMessage: change,
  pollUpdateMessage: change,
  encReactionMessage: change,
  encCommentMessage: change,
  commentMessage: change,
  encEventResponseMessage: change,
  secretEncryptedMessage: change,
  pinInChatMessage: change,
  keepInChatMessage: change,
  pollAddOptionMessage: change,

  messageContextInfo: silent,
  senderKeyDistributionMessage: silent,
  fastRatchetKeySenderKeyDistributionMessage: silent,
  groupRootKeyShare: silent,
  rootSecretDistributeMessage: silent,
  statusLinkPreviewMetadata: silent,

  bcallMessage: unsupported(),
  call: unsupported(),
  callLogMesssage: unsupported(),
  chat: unsupported(),
  conditionalRevealMessage: unsupported(), // sealed, with a key that comes later
  messageHistoryBundle: unsupported(),
  messageHistoryNotice: unsupported(),
  musicMessage: unsupported(),
  paymentInviteMessage: unsupported(),
  placeholderMessage: unsupported(), // which the phone keeps from its companions
  requestPhoneNumberMessage: unsupported(),
  splitPaymentUpdateMessage: unsupported(),
  stickerSyncRmrMessage: unsupported(),
  cancelPaymentRequestMessage: unsupported('key'),
  declinePaymentRequestMessage: unsupported('key'),
  scheduledCallEditMessage: unsupported('key'),
  statusNotificationMessage: unsupported('originalMessageKey'),
  statusStickerInteractionMessage: unsupported('key')
}

/** Protocol messages, by their type: changes (`changes.ts`), what is told as `unsupported`, and what is between devices. */
export const PROTOCOL_TYPES: Readonly<Record<string, 'change' | 'silent' | 'unsupported'>> = {
  REVOKE: 'change',
  MESSAGE_EDIT: 'change',
  EPHEMERAL_SETTING: 'change',
  STATUS_MENTION_MESSAGE: 'unsupported', // somebody mentions us, or our group, in a status
  EPHEMERAL_SYNC_RESPONSE: 'silent',
  HISTORY_SYNC_NOTIFICATION: 'silent',
  APP_STATE_SYNC_KEY_SHARE: 'silent',
  APP_STATE_SYNC_KEY_REQUEST: 'silent',
  MSG_FANOUT_BACKFILL_REQUEST: 'silent',
  INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC: 'silent',
  APP_STATE_FATAL_EXCEPTION_NOTIFICATION: 'silent',
  SHARE_PHONE_NUMBER: 'silent',
  PEER_DATA_OPERATION_REQUEST_MESSAGE: 'silent',
  PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE: 'silent',
  REQUEST_WELCOME_MESSAGE: 'silent',
  BOT_FEEDBACK_MESSAGE: 'silent',
  MEDIA_NOTIFY_MESSAGE: 'silent',
  CLOUD_API_THREAD_CONTROL_NOTIFICATION: 'silent',
  LID_MIGRATION_MAPPING_SYNC: 'silent',
  REMINDER_MESSAGE: 'silent',
  BOT_MEMU_ONBOARDING_MESSAGE: 'silent',
  STOP_GENERATION_MESSAGE: 'silent',
  LIMIT_SHARING: 'silent',
  AI_PSI_METADATA: 'silent',
  AI_QUERY_FANOUT: 'silent',
  GROUP_MEMBER_LABEL_CHANGE: 'silent',
  AI_MEDIA_COLLECTION_MESSAGE: 'silent',
  MESSAGE_UNSCHEDULE: 'silent',
  CHAT_THEME_SETTING: 'silent',
  AI_METADATA_OPERATION: 'silent',
  MARK_AS_VERIFIED_ACTION: 'silent',
  COEX_STATE_SYNC: 'silent'
}

/** Fields of `ContextInfo` that are told (`references.ts`), and those that are left out by decision. */
export const CONTEXT_FIELDS: Readonly<Record<string, 'used' | 'left'>> = {
  stanzaId: 'used',
  participant: 'left', // the author of what is quoted: its id is told
  quotedMessage: 'left',
  remoteJid: 'left',
  mentionedJid: 'used',
  nonJidMentions: 'used',
  groupMentions: 'left',
  isForwarded: 'used',
  forwardingScore: 'left',
  externalAdReply: 'used',
  quotedAd: 'used',
  conversionSource: 'used',
  entryPointConversionSource: 'used',
  entryPointConversionApp: 'used',
  utm: 'used',
  conversionData: 'left',
  conversionDelaySeconds: 'left',
  entryPointConversionDelaySeconds: 'left',
  entryPointConversionExternalSource: 'left',
  entryPointConversionExternalMedium: 'left',
  ctwaSignals: 'left',
  ctwaPayload: 'left',
  alwaysShowAdAttribution: 'left',
  placeholderKey: 'left',
  expiration: 'left',
  ephemeralSettingTimestamp: 'left',
  ephemeralSharedSecret: 'left',
  disappearingMode: 'left',
  afterReadDuration: 'left',
  actionLink: 'left',
  groupSubject: 'left',
  parentGroupJid: 'left',
  trustBannerType: 'left',
  trustBannerAction: 'left',
  isSampled: 'left',
  forwardedNewsletterMessageInfo: 'left',
  businessMessageForwardInfo: 'left',
  smbClientCampaignId: 'left',
  smbServerCampaignId: 'left',
  dataSharingContext: 'left',
  featureEligibilities: 'left',
  forwardedAiBotMessageInfo: 'left', // its wrapper is told
  statusAttributionType: 'left',
  urlTrackingMap: 'left',
  pairedMediaType: 'left', // its association is told
  rankingVersion: 'left',
  memberLabel: 'left',
  isQuestion: 'left', // its wrapper is told
  statusSourceType: 'left',
  statusAttributions: 'left',
  isGroupStatus: 'left', // its wrapper is told
  forwardOrigin: 'left',
  questionReplyQuotedMessage: 'left',
  statusAudienceMetadata: 'left',
  quotedType: 'left',
  botMessageSharingInfo: 'left',
  isSpoiler: 'left', // its wrapper is told
  mediaDomainInfo: 'left',
  partiallySelectedContent: 'left',
  crossAppSource: 'left',
  businessInteractionPills: 'left',
  posterStatusId: 'left',
  instagramThreadLink: 'left',
  aiProvenance: 'left'
}
