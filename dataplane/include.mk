# Sources of the dataplane, by room. Only shell/ sees DPDK.

contract_sources    :=
decode_sources      :=
flow_sources        :=
stream_sources      :=
http_sources        :=
object_sources      :=
fingerprint_sources :=
index_sources       :=
verdict_sources     :=
worker_sources      :=
shell_sources       := dataplane/shell/steer_loader.cpp dataplane/shell/steer_maps.cpp \
                       dataplane/shell/steer_plan.cpp dataplane/shell/xdp_features.cpp
replay_sources      :=

pure_sources    = $(contract_sources) $(decode_sources) $(flow_sources) $(stream_sources) \
                  $(http_sources) $(object_sources) $(fingerprint_sources) $(index_sources) \
                  $(verdict_sources) $(worker_sources)
pure_objects    = $(pure_sources:%.cpp=$(O)/%.o)
pure_libs       = -lcrypto -lxxhash

dataplane_objects = $(pure_objects) $(shell_sources:%.cpp=$(O)/%.o) $(replay_sources:%.cpp=$(O)/%.o)
$(dataplane_objects): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS)
$(shell_sources:%.cpp=$(O)/%.o): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS) $(DPDK_CXXFLAGS)
