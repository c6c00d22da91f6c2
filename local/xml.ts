import { XMLBuilder, XMLParser } from 'fast-xml-parser';

/**
 * Reads an answer of EC2. The declaration of XML is left out: a schema may move it to the end, where the AWS CLI refuses
 * it.
 */
export const parser = new XMLParser({
  parseTagValue: false,
  ignoreAttributes: false,
  ignoreDeclaration: true,
  isArray: (name) => name === 'item',
});

export const builder = new XMLBuilder({ ignoreAttributes: false });
