// SPDX-License-Identifier: MIT
export type Part = 'pages' | 'errors' | 'vitals' | 'requests' | 'features'
export type SurveyType = 'nps' | 'csat' | 'ces' | 'text'
export type Properties = Record<string, unknown>

export interface Options {
  /** Where Traction is, such as https://traction.example. */
  host: string
  /** A write key, tw_…; it is public. */
  key: string
  /** 'granted': ids are kept in the browser. 'required': nothing is sent before consent(true). */
  consent?: 'granted' | 'required'
  /** Given: sends nothing for people who ask not to be tracked (DNT, Global Privacy Control). */
  dnt?: '' | 'honour'
  /** Given: the part behind # makes a page of its own. */
  hash?: '' | true
  /** What not to watch. */
  without?: string | Part[]
  /** Other origins whose requests are measured, such as https://api.example. */
  apis?: string | string[]
  /** Routes with names for what changes, such as /boards/:id; others are guessed. */
  routes?: string | string[]
  /** Asks this survey, by itself. */
  survey?: SurveyType
  question?: string
  /** Seconds until it asks; 20. */
  surveyDelay?: number
}

export interface EventOptions {
  value?: number
  /** ms, s, count, score or a currency such as EUR. */
  unit?: string
  kind?: 'engagement' | 'performance' | 'business' | 'feedback'
  /** Makes sending it twice harmless. */
  id?: string
  timestamp?: string | number
  url?: string
}

export interface Survey {
  type: SurveyType
  /** Which survey it is; its type. Each is asked once in 90 days. */
  survey?: string
  question?: string
  /** Ask even if it was asked lately. */
  again?: boolean
}

export interface Traction {
  track(name: string, properties?: Properties, options?: EventOptions): void
  identify(user: string, traits?: Properties): void
  /** Signed out: forgets who it was. */
  reset(): void
  /** Counts a page view where no address changed. */
  page(): void
  /** Reports an error that was caught. */
  error(error: unknown): void
  survey(survey: SurveyType | Survey): void
  consent(given: boolean): void
  /** Sends now what waits. */
  flush(): void
}

/** Starts watching, once; later calls give the same client. */
export function init(options: Options): Traction
export const track: Traction['track']
export const identify: Traction['identify']
export const reset: Traction['reset']
export const page: Traction['page']
export const error: Traction['error']
export const survey: Traction['survey']
export const consent: Traction['consent']
export const flush: Traction['flush']

declare global {
  interface Window {
    /** Of the script; before it has come, an array of calls: ["track", "name"]. */
    traction: Traction & { push(call: [string, ...unknown[]]): void }
  }
}
