// Preloaded into a process that must do without: it ends as soon as it reaches for the network or loads the AWS SDK.
import { registerHooks } from 'node:module';
import { Socket } from 'node:net';

Socket.prototype.connect = () => {
  throw new Error('reached for the network');
};

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('@aws-sdk/') || specifier.startsWith('@smithy/')) throw new Error(`loaded ${specifier}`);
    return next(specifier, context);
  },
});
