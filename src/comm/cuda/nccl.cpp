// NCCL's functions, looked up in the library that LibTorch has loaded. Linked, the program and LibTorch would get the
// library of a toolkit that LD_LIBRARY_PATH names. Its start was tried where it is refused, without a driver; the rest
// has not been run: the machines where this program was tested have no GPU.
#include "autosampling/comm/choose_transport.hpp"
#include "autosampling/comm/gpu.hpp"

#include "autosampling/base/error.hpp"
#include "loaded.hpp"

#include <dlfcn.h>
#include <nccl.h>

#include <cstdlib>

namespace autosampling {

static_assert(static_cast<int>(NcclResult::unhandled_cuda_error) == ncclUnhandledCudaError &&
              static_cast<int>(NcclResult::system_error) == ncclSystemError &&
              static_cast<int>(NcclResult::internal_error) == ncclInternalError &&
              static_cast<int>(NcclResult::invalid_argument) == ncclInvalidArgument &&
              static_cast<int>(NcclResult::invalid_usage) == ncclInvalidUsage &&
              static_cast<int>(NcclResult::remote_error) == ncclRemoteError &&
              static_cast<int>(NcclResult::in_progress) == ncclInProgress);
static_assert(sizeof(NcclId) == sizeof(ncclUniqueId));

namespace {

NcclResult ours(ncclResult_t result) {
    return static_cast<NcclResult>(result);
}
ncclComm_t theirs(NcclComm comm) {
    return reinterpret_cast<ncclComm_t>(comm);
}
cudaStream_t theirs(DeviceStream stream) {
    return reinterpret_cast<cudaStream_t>(stream);
}

class LoadedNccl : public NcclLibrary {
  public:
    explicit LoadedNccl(void* library) : library_(library) {}

    NcclResult unique_id(NcclId& id) override {
        return ours(get_unique_id_(reinterpret_cast<ncclUniqueId*>(id.bytes.data())));
    }
    NcclResult init(NcclComm& comm, int ranks, const NcclId& id, int rank) override {
        setenv("NCCL_COMM_BLOCKING", "0", /*overwrite=*/1); // it goes before the configuration
        ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
        config.blocking = 0;
        return ours(init_(reinterpret_cast<ncclComm_t*>(&comm), ranks, reinterpret_cast<const ncclUniqueId&>(id), rank,
                          &config));
    }
    NcclResult state(NcclComm comm, NcclResult& state) override {
        ncclResult_t found = ncclSuccess;
        const NcclResult result = ours(state_(theirs(comm), &found));
        state = ours(found);
        return result;
    }
    NcclResult group_start() override { return ours(group_start_()); }
    NcclResult group_end() override { return ours(group_end_()); }
    NcclResult broadcast(const float* from, float* to, std::size_t count, int root, NcclComm comm,
                         DeviceStream stream) override {
        return ours(broadcast_(from, to, count, ncclFloat32, root, theirs(comm), theirs(stream)));
    }
    NcclResult send(const float* from, std::size_t count, int peer, NcclComm comm, DeviceStream stream) override {
        return ours(send_(from, count, ncclFloat32, peer, theirs(comm), theirs(stream)));
    }
    NcclResult receive(float* to, std::size_t count, int peer, NcclComm comm, DeviceStream stream) override {
        return ours(receive_(to, count, ncclFloat32, peer, theirs(comm), theirs(stream)));
    }
    NcclResult all_reduce(const float* from, float* to, std::size_t count, NcclComm comm,
                          DeviceStream stream) override {
        return ours(all_reduce_(from, to, count, ncclFloat32, ncclSum, theirs(comm), theirs(stream)));
    }
    NcclResult all_gather(const float* from, float* to, std::size_t count, NcclComm comm,
                          DeviceStream stream) override {
        return ours(all_gather_(from, to, count, ncclFloat32, theirs(comm), theirs(stream)));
    }
    NcclResult finalize(NcclComm comm) override { return ours(finalize_(theirs(comm))); }
    NcclResult destroy(NcclComm comm) override { return ours(destroy_(theirs(comm))); }
    NcclResult abort(NcclComm comm) override { return ours(abort_(theirs(comm))); }
    std::string words(NcclResult result, NcclComm comm) override {
        return text(error_string_(static_cast<ncclResult_t>(result)), ": ", last_error_(theirs(comm)));
    }

    int version() const {
        int version = 0;
        (void)get_version_(&version);
        return version;
    }

  private:
    template<class Function>
    Function symbol(const char* name) const {
        void* found = dlsym(library_, name);
        VALIDATE(found, ExitCode::failure, "libnccl.so.2 has no ", name);
        return reinterpret_cast<Function>(found);
    }

    void* library_;
#define NCCL_FUNCTION(member, name) decltype(&name) member = symbol<decltype(&name)>(#name)
    NCCL_FUNCTION(get_version_, ncclGetVersion);
    NCCL_FUNCTION(get_unique_id_, ncclGetUniqueId);
    NCCL_FUNCTION(init_, ncclCommInitRankConfig);
    NCCL_FUNCTION(state_, ncclCommGetAsyncError);
    NCCL_FUNCTION(group_start_, ncclGroupStart);
    NCCL_FUNCTION(group_end_, ncclGroupEnd);
    NCCL_FUNCTION(broadcast_, ncclBroadcast);
    NCCL_FUNCTION(send_, ncclSend);
    NCCL_FUNCTION(receive_, ncclRecv);
    NCCL_FUNCTION(all_reduce_, ncclAllReduce);
    NCCL_FUNCTION(all_gather_, ncclAllGather);
    NCCL_FUNCTION(finalize_, ncclCommFinalize);
    NCCL_FUNCTION(destroy_, ncclCommDestroy);
    NCCL_FUNCTION(abort_, ncclCommAbort);
    NCCL_FUNCTION(error_string_, ncclGetErrorString);
    NCCL_FUNCTION(last_error_, ncclGetLastError);
#undef NCCL_FUNCTION
};

} // namespace

FoundNccl find_nccl() {
    void* library = loaded_library("libnccl.so.2");
    if (library == nullptr) return {{}, 0, "LibTorch has loaded no libnccl.so.2"};
    std::shared_ptr<LoadedNccl> nccl;
    try {
        nccl = std::make_shared<LoadedNccl>(library);
    } catch (const Error& error) {
        return {{}, 0, error.what()};
    }
    const int version = nccl->version();
    if (version < NCCL_VERSION_CODE || version / 10000 != NCCL_MAJOR)
        return {{},
                0,
                text("the NCCL that is loaded is ", nccl_version_text(version), ", not the ",
                     nccl_version_text(NCCL_VERSION_CODE), " of the build, or a later ", NCCL_MAJOR, ".x")};
    return {nccl, version, {}};
}

} // namespace autosampling
