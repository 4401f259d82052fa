import { initAll } from './govuk/govuk-frontend.min.js'

// GOV.UK Frontend looks for its mark on the body.
document.body.classList.add('js-enabled', 'govuk-frontend-supported')
initAll()
