// A Verification and Storage SCP of dcmjs-dimse: node storage_scp.js PORT FOLDER
const path = require('path');
const dcmjsDimse = require('dcmjs-dimse');
const { Server, Scp } = dcmjsDimse;
const { CEchoResponse, CStoreResponse } = dcmjsDimse.responses;
const { Status, PresentationContextResult } = dcmjsDimse.constants;

const [port, folder] = process.argv.slice(2);

class StorageScp extends Scp {
  associationRequested(association) {
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      context.setResult(PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    }
    this.sendAssociationAccept();
  }

  cEchoRequest(request, callback) {
    const response = CEchoResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  cStoreRequest(request, callback) {
    const uid = request.getAffectedSopInstanceUid();
    request.getDataset().toFile(path.join(folder, `${uid}.dcm`));
    const response = CStoreResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

const server = new Server(StorageScp);
server.on('networkError', (error) => console.log('network error:', error));
server.listen(Number(port), { host: '127.0.0.1' });
