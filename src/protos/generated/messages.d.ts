import * as $protobuf from "protobufjs/minimal.js";

/** Namespace envoy. */
export namespace envoy {

    /** Namespace config. */
    namespace config {

        /** Namespace core. */
        namespace core {

            /** Namespace v3. */
            namespace v3 {

                /**
                 * Properties of a HeaderValue.
                 * @deprecated Use envoy.config.core.v3.HeaderValue.$Properties instead.
                 */
                interface IHeaderValue extends envoy.config.core.v3.HeaderValue.$Properties {
                }

                /** Represents a HeaderValue. */
                class HeaderValue {

                    /**
                     * Constructs a new HeaderValue.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.config.core.v3.HeaderValue.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** HeaderValue key. */
                    key: string;

                    /** HeaderValue value. */
                    value: string;

                    /** HeaderValue rawValue. */
                    rawValue: Uint8Array;

                    /**
                     * Encodes the specified HeaderValue message. Does not implicitly {@link envoy.config.core.v3.HeaderValue.verify|verify} messages.
                     * @param message HeaderValue message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.config.core.v3.HeaderValue.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a HeaderValue message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.config.core.v3.HeaderValue & envoy.config.core.v3.HeaderValue.$Shape} HeaderValue
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.config.core.v3.HeaderValue & envoy.config.core.v3.HeaderValue.$Shape;
                }

                namespace HeaderValue {

                    /** Properties of a HeaderValue. */
                    interface $Properties {

                        /** HeaderValue key */
                        key?: (string|null);

                        /** HeaderValue value */
                        value?: (string|null);

                        /** HeaderValue rawValue */
                        rawValue?: (Uint8Array|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a HeaderValue. */
                    type $Shape = envoy.config.core.v3.HeaderValue.$Properties;
                }

                /**
                 * Properties of a HeaderValueOption.
                 * @deprecated Use envoy.config.core.v3.HeaderValueOption.$Properties instead.
                 */
                interface IHeaderValueOption extends envoy.config.core.v3.HeaderValueOption.$Properties {
                }

                /** Represents a HeaderValueOption. */
                class HeaderValueOption {

                    /**
                     * Constructs a new HeaderValueOption.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.config.core.v3.HeaderValueOption.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** HeaderValueOption header. */
                    header?: (envoy.config.core.v3.HeaderValue.$Properties|null);

                    /** HeaderValueOption appendAction. */
                    appendAction: envoy.config.core.v3.HeaderValueOption.HeaderAppendAction;

                    /**
                     * Encodes the specified HeaderValueOption message. Does not implicitly {@link envoy.config.core.v3.HeaderValueOption.verify|verify} messages.
                     * @param message HeaderValueOption message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.config.core.v3.HeaderValueOption.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a HeaderValueOption message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.config.core.v3.HeaderValueOption & envoy.config.core.v3.HeaderValueOption.$Shape} HeaderValueOption
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.config.core.v3.HeaderValueOption & envoy.config.core.v3.HeaderValueOption.$Shape;
                }

                namespace HeaderValueOption {

                    /** Properties of a HeaderValueOption. */
                    interface $Properties {

                        /** HeaderValueOption header */
                        header?: (envoy.config.core.v3.HeaderValue.$Properties|null);

                        /** HeaderValueOption appendAction */
                        appendAction?: (envoy.config.core.v3.HeaderValueOption.HeaderAppendAction|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a HeaderValueOption. */
                    type $Shape = envoy.config.core.v3.HeaderValueOption.$Properties;

                    /** HeaderAppendAction enum. */
                    enum HeaderAppendAction {

                        /** APPEND_IF_EXISTS_OR_ADD value */
                        APPEND_IF_EXISTS_OR_ADD = 0,

                        /** ADD_IF_ABSENT value */
                        ADD_IF_ABSENT = 1,

                        /** OVERWRITE_IF_EXISTS_OR_ADD value */
                        OVERWRITE_IF_EXISTS_OR_ADD = 2,

                        /** OVERWRITE_IF_EXISTS value */
                        OVERWRITE_IF_EXISTS = 3
                    }
                }

                /**
                 * Properties of a HeaderMap.
                 * @deprecated Use envoy.config.core.v3.HeaderMap.$Properties instead.
                 */
                interface IHeaderMap extends envoy.config.core.v3.HeaderMap.$Properties {
                }

                /** Represents a HeaderMap. */
                class HeaderMap {

                    /**
                     * Constructs a new HeaderMap.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.config.core.v3.HeaderMap.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** HeaderMap headers. */
                    headers: envoy.config.core.v3.HeaderValue.$Properties[];

                    /**
                     * Encodes the specified HeaderMap message. Does not implicitly {@link envoy.config.core.v3.HeaderMap.verify|verify} messages.
                     * @param message HeaderMap message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.config.core.v3.HeaderMap.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a HeaderMap message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.config.core.v3.HeaderMap & envoy.config.core.v3.HeaderMap.$Shape} HeaderMap
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.config.core.v3.HeaderMap & envoy.config.core.v3.HeaderMap.$Shape;
                }

                namespace HeaderMap {

                    /** Properties of a HeaderMap. */
                    interface $Properties {

                        /** HeaderMap headers */
                        headers?: (envoy.config.core.v3.HeaderValue.$Properties[]|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a HeaderMap. */
                    type $Shape = envoy.config.core.v3.HeaderMap.$Properties;
                }

                /**
                 * Properties of a Metadata.
                 * @deprecated Use envoy.config.core.v3.Metadata.$Properties instead.
                 */
                interface IMetadata extends envoy.config.core.v3.Metadata.$Properties {
                }

                /** Represents a Metadata. */
                class Metadata {

                    /**
                     * Constructs a new Metadata.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.config.core.v3.Metadata.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** Metadata filterMetadata. */
                    filterMetadata: { [k: string]: google.protobuf.Struct.$Properties };

                    /**
                     * Encodes the specified Metadata message. Does not implicitly {@link envoy.config.core.v3.Metadata.verify|verify} messages.
                     * @param message Metadata message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.config.core.v3.Metadata.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a Metadata message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.config.core.v3.Metadata & envoy.config.core.v3.Metadata.$Shape} Metadata
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.config.core.v3.Metadata & envoy.config.core.v3.Metadata.$Shape;
                }

                namespace Metadata {

                    /** Properties of a Metadata. */
                    interface $Properties {

                        /** Metadata filterMetadata */
                        filterMetadata?: ({ [k: string]: google.protobuf.Struct.$Properties }|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a Metadata. */
                    type $Shape = {
                      filterMetadata?: { [k: string]: google.protobuf.Struct.$Shape }|null;
                      $unknowns?: Uint8Array[];
                    };
                }
            }
        }
    }

    /** Namespace extensions. */
    namespace extensions {

        /** Namespace filters. */
        namespace filters {

            /** Namespace http. */
            namespace http {

                /** Namespace ext_proc. */
                namespace ext_proc {

                    /** Namespace v3. */
                    namespace v3 {

                        /**
                         * Properties of a ProcessingMode.
                         * @deprecated Use envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.$Properties instead.
                         */
                        interface IProcessingMode extends envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.$Properties {
                        }

                        /** Represents a ProcessingMode. */
                        class ProcessingMode {

                            /**
                             * Constructs a new ProcessingMode.
                             * @param [properties] Properties to set
                             */
                            constructor(properties?: envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.$Properties);

                            /** Unknown fields preserved while decoding when enabled */
                            $unknowns?: Uint8Array[];

                            /**
                             * Encodes the specified ProcessingMode message. Does not implicitly {@link envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.verify|verify} messages.
                             * @param message ProcessingMode message or plain object to encode
                             * @param [writer] Writer to encode to
                             * @returns Writer
                             */
                            static encode(message: envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                            /**
                             * Decodes a ProcessingMode message from the specified reader or buffer.
                             * @param reader Reader or buffer to decode from
                             * @param [length] Message length if known beforehand
                             * @returns {envoy.extensions.filters.http.ext_proc.v3.ProcessingMode & envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.$Shape} ProcessingMode
                             * @throws {Error} If the payload is not a reader or valid buffer
                             * @throws {$protobuf.util.ProtocolError} If required fields are missing
                             */
                            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.extensions.filters.http.ext_proc.v3.ProcessingMode & envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.$Shape;
                        }

                        namespace ProcessingMode {

                            /** Properties of a ProcessingMode. */
                            interface $Properties {

                                /** Unknown fields preserved while decoding when enabled */
                                $unknowns?: Uint8Array[];
                            }

                            /** Shape of a ProcessingMode. */
                            type $Shape = envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.$Properties;

                            /** BodySendMode enum. */
                            enum BodySendMode {

                                /** NONE value */
                                NONE = 0,

                                /** STREAMED value */
                                STREAMED = 1,

                                /** BUFFERED value */
                                BUFFERED = 2,

                                /** BUFFERED_PARTIAL value */
                                BUFFERED_PARTIAL = 3,

                                /** FULL_DUPLEX_STREAMED value */
                                FULL_DUPLEX_STREAMED = 4,

                                /** GRPC value */
                                GRPC = 5
                            }
                        }
                    }
                }
            }
        }
    }

    /** Namespace service. */
    namespace service {

        /** Namespace ext_proc. */
        namespace ext_proc {

            /** Namespace v3. */
            namespace v3 {

                /**
                 * Properties of a ProtocolConfiguration.
                 * @deprecated Use envoy.service.ext_proc.v3.ProtocolConfiguration.$Properties instead.
                 */
                interface IProtocolConfiguration extends envoy.service.ext_proc.v3.ProtocolConfiguration.$Properties {
                }

                /** Represents a ProtocolConfiguration. */
                class ProtocolConfiguration {

                    /**
                     * Constructs a new ProtocolConfiguration.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.ProtocolConfiguration.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** ProtocolConfiguration requestBodyMode. */
                    requestBodyMode: envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode;

                    /** ProtocolConfiguration responseBodyMode. */
                    responseBodyMode: envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode;

                    /**
                     * Encodes the specified ProtocolConfiguration message. Does not implicitly {@link envoy.service.ext_proc.v3.ProtocolConfiguration.verify|verify} messages.
                     * @param message ProtocolConfiguration message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.ProtocolConfiguration.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a ProtocolConfiguration message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.ProtocolConfiguration & envoy.service.ext_proc.v3.ProtocolConfiguration.$Shape} ProtocolConfiguration
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.ProtocolConfiguration & envoy.service.ext_proc.v3.ProtocolConfiguration.$Shape;
                }

                namespace ProtocolConfiguration {

                    /** Properties of a ProtocolConfiguration. */
                    interface $Properties {

                        /** ProtocolConfiguration requestBodyMode */
                        requestBodyMode?: (envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode|null);

                        /** ProtocolConfiguration responseBodyMode */
                        responseBodyMode?: (envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a ProtocolConfiguration. */
                    type $Shape = envoy.service.ext_proc.v3.ProtocolConfiguration.$Properties;
                }

                /**
                 * Properties of a ProcessingRequest.
                 * @deprecated Use envoy.service.ext_proc.v3.ProcessingRequest.$Properties instead.
                 */
                interface IProcessingRequest extends envoy.service.ext_proc.v3.ProcessingRequest.$Properties {
                }

                /** Represents a ProcessingRequest. */
                class ProcessingRequest {

                    /**
                     * Constructs a new ProcessingRequest.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.ProcessingRequest.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** ProcessingRequest requestHeaders. */
                    requestHeaders?: (envoy.service.ext_proc.v3.HttpHeaders.$Properties|null);

                    /** ProcessingRequest responseHeaders. */
                    responseHeaders?: (envoy.service.ext_proc.v3.HttpHeaders.$Properties|null);

                    /** ProcessingRequest requestBody. */
                    requestBody?: (envoy.service.ext_proc.v3.HttpBody.$Properties|null);

                    /** ProcessingRequest responseBody. */
                    responseBody?: (envoy.service.ext_proc.v3.HttpBody.$Properties|null);

                    /** ProcessingRequest requestTrailers. */
                    requestTrailers?: (envoy.service.ext_proc.v3.HttpTrailers.$Properties|null);

                    /** ProcessingRequest responseTrailers. */
                    responseTrailers?: (envoy.service.ext_proc.v3.HttpTrailers.$Properties|null);

                    /** ProcessingRequest metadataContext. */
                    metadataContext?: (envoy.config.core.v3.Metadata.$Properties|null);

                    /** ProcessingRequest observabilityMode. */
                    observabilityMode: boolean;

                    /** ProcessingRequest protocolConfig. */
                    protocolConfig?: (envoy.service.ext_proc.v3.ProtocolConfiguration.$Properties|null);

                    /** ProcessingRequest request. */
                    request?: ("requestHeaders"|"responseHeaders"|"requestBody"|"responseBody"|"requestTrailers"|"responseTrailers");

                    /**
                     * Encodes the specified ProcessingRequest message. Does not implicitly {@link envoy.service.ext_proc.v3.ProcessingRequest.verify|verify} messages.
                     * @param message ProcessingRequest message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.ProcessingRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a ProcessingRequest message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.ProcessingRequest & envoy.service.ext_proc.v3.ProcessingRequest.$Shape} ProcessingRequest
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.ProcessingRequest & envoy.service.ext_proc.v3.ProcessingRequest.$Shape;
                }

                namespace ProcessingRequest {

                    /** Properties of a ProcessingRequest. */
                    interface $Properties {

                        /** ProcessingRequest requestHeaders */
                        requestHeaders?: (envoy.service.ext_proc.v3.HttpHeaders.$Properties|null);

                        /** ProcessingRequest responseHeaders */
                        responseHeaders?: (envoy.service.ext_proc.v3.HttpHeaders.$Properties|null);

                        /** ProcessingRequest requestBody */
                        requestBody?: (envoy.service.ext_proc.v3.HttpBody.$Properties|null);

                        /** ProcessingRequest responseBody */
                        responseBody?: (envoy.service.ext_proc.v3.HttpBody.$Properties|null);

                        /** ProcessingRequest requestTrailers */
                        requestTrailers?: (envoy.service.ext_proc.v3.HttpTrailers.$Properties|null);

                        /** ProcessingRequest responseTrailers */
                        responseTrailers?: (envoy.service.ext_proc.v3.HttpTrailers.$Properties|null);

                        /** ProcessingRequest metadataContext */
                        metadataContext?: (envoy.config.core.v3.Metadata.$Properties|null);

                        /** ProcessingRequest observabilityMode */
                        observabilityMode?: (boolean|null);

                        /** ProcessingRequest protocolConfig */
                        protocolConfig?: (envoy.service.ext_proc.v3.ProtocolConfiguration.$Properties|null);

                        /** ProcessingRequest request */
                        request?: ("requestHeaders"|"responseHeaders"|"requestBody"|"responseBody"|"requestTrailers"|"responseTrailers");

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Narrowed shape of a ProcessingRequest. */
                    type $Shape = {
                      requestHeaders?: envoy.service.ext_proc.v3.HttpHeaders.$Shape|null;
                      responseHeaders?: envoy.service.ext_proc.v3.HttpHeaders.$Shape|null;
                      requestBody?: envoy.service.ext_proc.v3.HttpBody.$Shape|null;
                      responseBody?: envoy.service.ext_proc.v3.HttpBody.$Shape|null;
                      requestTrailers?: envoy.service.ext_proc.v3.HttpTrailers.$Shape|null;
                      responseTrailers?: envoy.service.ext_proc.v3.HttpTrailers.$Shape|null;
                      metadataContext?: envoy.config.core.v3.Metadata.$Shape|null;
                      observabilityMode?: boolean|null;
                      protocolConfig?: envoy.service.ext_proc.v3.ProtocolConfiguration.$Shape|null;
                      $unknowns?: Uint8Array[];
                    } & (
                      ({ request?: undefined; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers?: null }|{ request?: "requestHeaders"; requestHeaders: envoy.service.ext_proc.v3.HttpHeaders.$Shape; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers?: null }|{ request?: "responseHeaders"; requestHeaders?: null; responseHeaders: envoy.service.ext_proc.v3.HttpHeaders.$Shape; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers?: null }|{ request?: "requestBody"; requestHeaders?: null; responseHeaders?: null; requestBody: envoy.service.ext_proc.v3.HttpBody.$Shape; responseBody?: null; requestTrailers?: null; responseTrailers?: null }|{ request?: "responseBody"; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody: envoy.service.ext_proc.v3.HttpBody.$Shape; requestTrailers?: null; responseTrailers?: null }|{ request?: "requestTrailers"; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers: envoy.service.ext_proc.v3.HttpTrailers.$Shape; responseTrailers?: null }|{ request?: "responseTrailers"; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers: envoy.service.ext_proc.v3.HttpTrailers.$Shape })
                    );
                }

                /**
                 * Properties of a ProcessingResponse.
                 * @deprecated Use envoy.service.ext_proc.v3.ProcessingResponse.$Properties instead.
                 */
                interface IProcessingResponse extends envoy.service.ext_proc.v3.ProcessingResponse.$Properties {
                }

                /** Represents a ProcessingResponse. */
                class ProcessingResponse {

                    /**
                     * Constructs a new ProcessingResponse.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.ProcessingResponse.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** ProcessingResponse requestHeaders. */
                    requestHeaders?: (envoy.service.ext_proc.v3.HeadersResponse.$Properties|null);

                    /** ProcessingResponse responseHeaders. */
                    responseHeaders?: (envoy.service.ext_proc.v3.HeadersResponse.$Properties|null);

                    /** ProcessingResponse requestBody. */
                    requestBody?: (envoy.service.ext_proc.v3.BodyResponse.$Properties|null);

                    /** ProcessingResponse responseBody. */
                    responseBody?: (envoy.service.ext_proc.v3.BodyResponse.$Properties|null);

                    /** ProcessingResponse requestTrailers. */
                    requestTrailers?: (envoy.service.ext_proc.v3.TrailersResponse.$Properties|null);

                    /** ProcessingResponse responseTrailers. */
                    responseTrailers?: (envoy.service.ext_proc.v3.TrailersResponse.$Properties|null);

                    /** ProcessingResponse immediateResponse. */
                    immediateResponse?: (envoy.service.ext_proc.v3.ImmediateResponse.$Properties|null);

                    /** ProcessingResponse dynamicMetadata. */
                    dynamicMetadata?: (google.protobuf.Struct.$Properties|null);

                    /** ProcessingResponse response. */
                    response?: ("requestHeaders"|"responseHeaders"|"requestBody"|"responseBody"|"requestTrailers"|"responseTrailers"|"immediateResponse");

                    /**
                     * Encodes the specified ProcessingResponse message. Does not implicitly {@link envoy.service.ext_proc.v3.ProcessingResponse.verify|verify} messages.
                     * @param message ProcessingResponse message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.ProcessingResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a ProcessingResponse message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.ProcessingResponse & envoy.service.ext_proc.v3.ProcessingResponse.$Shape} ProcessingResponse
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.ProcessingResponse & envoy.service.ext_proc.v3.ProcessingResponse.$Shape;
                }

                namespace ProcessingResponse {

                    /** Properties of a ProcessingResponse. */
                    interface $Properties {

                        /** ProcessingResponse requestHeaders */
                        requestHeaders?: (envoy.service.ext_proc.v3.HeadersResponse.$Properties|null);

                        /** ProcessingResponse responseHeaders */
                        responseHeaders?: (envoy.service.ext_proc.v3.HeadersResponse.$Properties|null);

                        /** ProcessingResponse requestBody */
                        requestBody?: (envoy.service.ext_proc.v3.BodyResponse.$Properties|null);

                        /** ProcessingResponse responseBody */
                        responseBody?: (envoy.service.ext_proc.v3.BodyResponse.$Properties|null);

                        /** ProcessingResponse requestTrailers */
                        requestTrailers?: (envoy.service.ext_proc.v3.TrailersResponse.$Properties|null);

                        /** ProcessingResponse responseTrailers */
                        responseTrailers?: (envoy.service.ext_proc.v3.TrailersResponse.$Properties|null);

                        /** ProcessingResponse immediateResponse */
                        immediateResponse?: (envoy.service.ext_proc.v3.ImmediateResponse.$Properties|null);

                        /** ProcessingResponse dynamicMetadata */
                        dynamicMetadata?: (google.protobuf.Struct.$Properties|null);

                        /** ProcessingResponse response */
                        response?: ("requestHeaders"|"responseHeaders"|"requestBody"|"responseBody"|"requestTrailers"|"responseTrailers"|"immediateResponse");

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Narrowed shape of a ProcessingResponse. */
                    type $Shape = {
                      requestHeaders?: envoy.service.ext_proc.v3.HeadersResponse.$Shape|null;
                      responseHeaders?: envoy.service.ext_proc.v3.HeadersResponse.$Shape|null;
                      requestBody?: envoy.service.ext_proc.v3.BodyResponse.$Shape|null;
                      responseBody?: envoy.service.ext_proc.v3.BodyResponse.$Shape|null;
                      requestTrailers?: envoy.service.ext_proc.v3.TrailersResponse.$Shape|null;
                      responseTrailers?: envoy.service.ext_proc.v3.TrailersResponse.$Shape|null;
                      immediateResponse?: envoy.service.ext_proc.v3.ImmediateResponse.$Shape|null;
                      dynamicMetadata?: google.protobuf.Struct.$Shape|null;
                      $unknowns?: Uint8Array[];
                    } & (
                      ({ response?: undefined; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers?: null; immediateResponse?: null }|{ response?: "requestHeaders"; requestHeaders: envoy.service.ext_proc.v3.HeadersResponse.$Shape; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers?: null; immediateResponse?: null }|{ response?: "responseHeaders"; requestHeaders?: null; responseHeaders: envoy.service.ext_proc.v3.HeadersResponse.$Shape; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers?: null; immediateResponse?: null }|{ response?: "requestBody"; requestHeaders?: null; responseHeaders?: null; requestBody: envoy.service.ext_proc.v3.BodyResponse.$Shape; responseBody?: null; requestTrailers?: null; responseTrailers?: null; immediateResponse?: null }|{ response?: "responseBody"; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody: envoy.service.ext_proc.v3.BodyResponse.$Shape; requestTrailers?: null; responseTrailers?: null; immediateResponse?: null }|{ response?: "requestTrailers"; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers: envoy.service.ext_proc.v3.TrailersResponse.$Shape; responseTrailers?: null; immediateResponse?: null }|{ response?: "responseTrailers"; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers: envoy.service.ext_proc.v3.TrailersResponse.$Shape; immediateResponse?: null }|{ response?: "immediateResponse"; requestHeaders?: null; responseHeaders?: null; requestBody?: null; responseBody?: null; requestTrailers?: null; responseTrailers?: null; immediateResponse: envoy.service.ext_proc.v3.ImmediateResponse.$Shape })
                    );
                }

                /**
                 * Properties of a HttpHeaders.
                 * @deprecated Use envoy.service.ext_proc.v3.HttpHeaders.$Properties instead.
                 */
                interface IHttpHeaders extends envoy.service.ext_proc.v3.HttpHeaders.$Properties {
                }

                /** Represents a HttpHeaders. */
                class HttpHeaders {

                    /**
                     * Constructs a new HttpHeaders.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.HttpHeaders.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** HttpHeaders headers. */
                    headers?: (envoy.config.core.v3.HeaderMap.$Properties|null);

                    /** HttpHeaders endOfStream. */
                    endOfStream: boolean;

                    /**
                     * Encodes the specified HttpHeaders message. Does not implicitly {@link envoy.service.ext_proc.v3.HttpHeaders.verify|verify} messages.
                     * @param message HttpHeaders message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.HttpHeaders.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a HttpHeaders message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.HttpHeaders & envoy.service.ext_proc.v3.HttpHeaders.$Shape} HttpHeaders
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.HttpHeaders & envoy.service.ext_proc.v3.HttpHeaders.$Shape;
                }

                namespace HttpHeaders {

                    /** Properties of a HttpHeaders. */
                    interface $Properties {

                        /** HttpHeaders headers */
                        headers?: (envoy.config.core.v3.HeaderMap.$Properties|null);

                        /** HttpHeaders endOfStream */
                        endOfStream?: (boolean|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a HttpHeaders. */
                    type $Shape = envoy.service.ext_proc.v3.HttpHeaders.$Properties;
                }

                /**
                 * Properties of a HttpBody.
                 * @deprecated Use envoy.service.ext_proc.v3.HttpBody.$Properties instead.
                 */
                interface IHttpBody extends envoy.service.ext_proc.v3.HttpBody.$Properties {
                }

                /** Represents a HttpBody. */
                class HttpBody {

                    /**
                     * Constructs a new HttpBody.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.HttpBody.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** HttpBody body. */
                    body: Uint8Array;

                    /** HttpBody endOfStream. */
                    endOfStream: boolean;

                    /**
                     * Encodes the specified HttpBody message. Does not implicitly {@link envoy.service.ext_proc.v3.HttpBody.verify|verify} messages.
                     * @param message HttpBody message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.HttpBody.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a HttpBody message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.HttpBody & envoy.service.ext_proc.v3.HttpBody.$Shape} HttpBody
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.HttpBody & envoy.service.ext_proc.v3.HttpBody.$Shape;
                }

                namespace HttpBody {

                    /** Properties of a HttpBody. */
                    interface $Properties {

                        /** HttpBody body */
                        body?: (Uint8Array|null);

                        /** HttpBody endOfStream */
                        endOfStream?: (boolean|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a HttpBody. */
                    type $Shape = envoy.service.ext_proc.v3.HttpBody.$Properties;
                }

                /**
                 * Properties of a HttpTrailers.
                 * @deprecated Use envoy.service.ext_proc.v3.HttpTrailers.$Properties instead.
                 */
                interface IHttpTrailers extends envoy.service.ext_proc.v3.HttpTrailers.$Properties {
                }

                /** Represents a HttpTrailers. */
                class HttpTrailers {

                    /**
                     * Constructs a new HttpTrailers.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.HttpTrailers.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** HttpTrailers trailers. */
                    trailers?: (envoy.config.core.v3.HeaderMap.$Properties|null);

                    /**
                     * Encodes the specified HttpTrailers message. Does not implicitly {@link envoy.service.ext_proc.v3.HttpTrailers.verify|verify} messages.
                     * @param message HttpTrailers message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.HttpTrailers.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a HttpTrailers message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.HttpTrailers & envoy.service.ext_proc.v3.HttpTrailers.$Shape} HttpTrailers
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.HttpTrailers & envoy.service.ext_proc.v3.HttpTrailers.$Shape;
                }

                namespace HttpTrailers {

                    /** Properties of a HttpTrailers. */
                    interface $Properties {

                        /** HttpTrailers trailers */
                        trailers?: (envoy.config.core.v3.HeaderMap.$Properties|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a HttpTrailers. */
                    type $Shape = envoy.service.ext_proc.v3.HttpTrailers.$Properties;
                }

                /**
                 * Properties of a HeadersResponse.
                 * @deprecated Use envoy.service.ext_proc.v3.HeadersResponse.$Properties instead.
                 */
                interface IHeadersResponse extends envoy.service.ext_proc.v3.HeadersResponse.$Properties {
                }

                /** Represents a HeadersResponse. */
                class HeadersResponse {

                    /**
                     * Constructs a new HeadersResponse.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.HeadersResponse.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** HeadersResponse response. */
                    response?: (envoy.service.ext_proc.v3.CommonResponse.$Properties|null);

                    /**
                     * Encodes the specified HeadersResponse message. Does not implicitly {@link envoy.service.ext_proc.v3.HeadersResponse.verify|verify} messages.
                     * @param message HeadersResponse message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.HeadersResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a HeadersResponse message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.HeadersResponse & envoy.service.ext_proc.v3.HeadersResponse.$Shape} HeadersResponse
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.HeadersResponse & envoy.service.ext_proc.v3.HeadersResponse.$Shape;
                }

                namespace HeadersResponse {

                    /** Properties of a HeadersResponse. */
                    interface $Properties {

                        /** HeadersResponse response */
                        response?: (envoy.service.ext_proc.v3.CommonResponse.$Properties|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a HeadersResponse. */
                    type $Shape = {
                      response?: envoy.service.ext_proc.v3.CommonResponse.$Shape|null;
                      $unknowns?: Uint8Array[];
                    };
                }

                /**
                 * Properties of a BodyResponse.
                 * @deprecated Use envoy.service.ext_proc.v3.BodyResponse.$Properties instead.
                 */
                interface IBodyResponse extends envoy.service.ext_proc.v3.BodyResponse.$Properties {
                }

                /** Represents a BodyResponse. */
                class BodyResponse {

                    /**
                     * Constructs a new BodyResponse.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.BodyResponse.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** BodyResponse response. */
                    response?: (envoy.service.ext_proc.v3.CommonResponse.$Properties|null);

                    /**
                     * Encodes the specified BodyResponse message. Does not implicitly {@link envoy.service.ext_proc.v3.BodyResponse.verify|verify} messages.
                     * @param message BodyResponse message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.BodyResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a BodyResponse message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.BodyResponse & envoy.service.ext_proc.v3.BodyResponse.$Shape} BodyResponse
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.BodyResponse & envoy.service.ext_proc.v3.BodyResponse.$Shape;
                }

                namespace BodyResponse {

                    /** Properties of a BodyResponse. */
                    interface $Properties {

                        /** BodyResponse response */
                        response?: (envoy.service.ext_proc.v3.CommonResponse.$Properties|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a BodyResponse. */
                    type $Shape = {
                      response?: envoy.service.ext_proc.v3.CommonResponse.$Shape|null;
                      $unknowns?: Uint8Array[];
                    };
                }

                /**
                 * Properties of a TrailersResponse.
                 * @deprecated Use envoy.service.ext_proc.v3.TrailersResponse.$Properties instead.
                 */
                interface ITrailersResponse extends envoy.service.ext_proc.v3.TrailersResponse.$Properties {
                }

                /** Represents a TrailersResponse. */
                class TrailersResponse {

                    /**
                     * Constructs a new TrailersResponse.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.TrailersResponse.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** TrailersResponse headerMutation. */
                    headerMutation?: (envoy.service.ext_proc.v3.HeaderMutation.$Properties|null);

                    /**
                     * Encodes the specified TrailersResponse message. Does not implicitly {@link envoy.service.ext_proc.v3.TrailersResponse.verify|verify} messages.
                     * @param message TrailersResponse message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.TrailersResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a TrailersResponse message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.TrailersResponse & envoy.service.ext_proc.v3.TrailersResponse.$Shape} TrailersResponse
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.TrailersResponse & envoy.service.ext_proc.v3.TrailersResponse.$Shape;
                }

                namespace TrailersResponse {

                    /** Properties of a TrailersResponse. */
                    interface $Properties {

                        /** TrailersResponse headerMutation */
                        headerMutation?: (envoy.service.ext_proc.v3.HeaderMutation.$Properties|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a TrailersResponse. */
                    type $Shape = envoy.service.ext_proc.v3.TrailersResponse.$Properties;
                }

                /**
                 * Properties of a CommonResponse.
                 * @deprecated Use envoy.service.ext_proc.v3.CommonResponse.$Properties instead.
                 */
                interface ICommonResponse extends envoy.service.ext_proc.v3.CommonResponse.$Properties {
                }

                /** Represents a CommonResponse. */
                class CommonResponse {

                    /**
                     * Constructs a new CommonResponse.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.CommonResponse.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** CommonResponse headerMutation. */
                    headerMutation?: (envoy.service.ext_proc.v3.HeaderMutation.$Properties|null);

                    /** CommonResponse bodyMutation. */
                    bodyMutation?: (envoy.service.ext_proc.v3.BodyMutation.$Properties|null);

                    /** CommonResponse clearRouteCache. */
                    clearRouteCache: boolean;

                    /**
                     * Encodes the specified CommonResponse message. Does not implicitly {@link envoy.service.ext_proc.v3.CommonResponse.verify|verify} messages.
                     * @param message CommonResponse message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.CommonResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a CommonResponse message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.CommonResponse & envoy.service.ext_proc.v3.CommonResponse.$Shape} CommonResponse
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.CommonResponse & envoy.service.ext_proc.v3.CommonResponse.$Shape;
                }

                namespace CommonResponse {

                    /** Properties of a CommonResponse. */
                    interface $Properties {

                        /** CommonResponse headerMutation */
                        headerMutation?: (envoy.service.ext_proc.v3.HeaderMutation.$Properties|null);

                        /** CommonResponse bodyMutation */
                        bodyMutation?: (envoy.service.ext_proc.v3.BodyMutation.$Properties|null);

                        /** CommonResponse clearRouteCache */
                        clearRouteCache?: (boolean|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a CommonResponse. */
                    type $Shape = {
                      headerMutation?: envoy.service.ext_proc.v3.HeaderMutation.$Shape|null;
                      bodyMutation?: envoy.service.ext_proc.v3.BodyMutation.$Shape|null;
                      clearRouteCache?: boolean|null;
                      $unknowns?: Uint8Array[];
                    };
                }

                /**
                 * Properties of an ImmediateResponse.
                 * @deprecated Use envoy.service.ext_proc.v3.ImmediateResponse.$Properties instead.
                 */
                interface IImmediateResponse extends envoy.service.ext_proc.v3.ImmediateResponse.$Properties {
                }

                /** Represents an ImmediateResponse. */
                class ImmediateResponse {

                    /**
                     * Constructs a new ImmediateResponse.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.ImmediateResponse.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** ImmediateResponse status. */
                    status?: (envoy.type.v3.HttpStatus.$Properties|null);

                    /** ImmediateResponse headers. */
                    headers?: (envoy.service.ext_proc.v3.HeaderMutation.$Properties|null);

                    /** ImmediateResponse body. */
                    body: Uint8Array;

                    /** ImmediateResponse details. */
                    details: string;

                    /**
                     * Encodes the specified ImmediateResponse message. Does not implicitly {@link envoy.service.ext_proc.v3.ImmediateResponse.verify|verify} messages.
                     * @param message ImmediateResponse message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.ImmediateResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes an ImmediateResponse message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.ImmediateResponse & envoy.service.ext_proc.v3.ImmediateResponse.$Shape} ImmediateResponse
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.ImmediateResponse & envoy.service.ext_proc.v3.ImmediateResponse.$Shape;
                }

                namespace ImmediateResponse {

                    /** Properties of an ImmediateResponse. */
                    interface $Properties {

                        /** ImmediateResponse status */
                        status?: (envoy.type.v3.HttpStatus.$Properties|null);

                        /** ImmediateResponse headers */
                        headers?: (envoy.service.ext_proc.v3.HeaderMutation.$Properties|null);

                        /** ImmediateResponse body */
                        body?: (Uint8Array|null);

                        /** ImmediateResponse details */
                        details?: (string|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of an ImmediateResponse. */
                    type $Shape = envoy.service.ext_proc.v3.ImmediateResponse.$Properties;
                }

                /**
                 * Properties of a HeaderMutation.
                 * @deprecated Use envoy.service.ext_proc.v3.HeaderMutation.$Properties instead.
                 */
                interface IHeaderMutation extends envoy.service.ext_proc.v3.HeaderMutation.$Properties {
                }

                /** Represents a HeaderMutation. */
                class HeaderMutation {

                    /**
                     * Constructs a new HeaderMutation.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.HeaderMutation.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** HeaderMutation setHeaders. */
                    setHeaders: envoy.config.core.v3.HeaderValueOption.$Properties[];

                    /** HeaderMutation removeHeaders. */
                    removeHeaders: string[];

                    /**
                     * Encodes the specified HeaderMutation message. Does not implicitly {@link envoy.service.ext_proc.v3.HeaderMutation.verify|verify} messages.
                     * @param message HeaderMutation message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.HeaderMutation.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a HeaderMutation message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.HeaderMutation & envoy.service.ext_proc.v3.HeaderMutation.$Shape} HeaderMutation
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.HeaderMutation & envoy.service.ext_proc.v3.HeaderMutation.$Shape;
                }

                namespace HeaderMutation {

                    /** Properties of a HeaderMutation. */
                    interface $Properties {

                        /** HeaderMutation setHeaders */
                        setHeaders?: (envoy.config.core.v3.HeaderValueOption.$Properties[]|null);

                        /** HeaderMutation removeHeaders */
                        removeHeaders?: (string[]|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a HeaderMutation. */
                    type $Shape = envoy.service.ext_proc.v3.HeaderMutation.$Properties;
                }

                /**
                 * Properties of a BodyMutation.
                 * @deprecated Use envoy.service.ext_proc.v3.BodyMutation.$Properties instead.
                 */
                interface IBodyMutation extends envoy.service.ext_proc.v3.BodyMutation.$Properties {
                }

                /** Represents a BodyMutation. */
                class BodyMutation {

                    /**
                     * Constructs a new BodyMutation.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.BodyMutation.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** BodyMutation body. */
                    body?: (Uint8Array|null);

                    /** BodyMutation clearBody. */
                    clearBody?: (boolean|null);

                    /** BodyMutation streamedResponse. */
                    streamedResponse?: (envoy.service.ext_proc.v3.StreamedBodyResponse.$Properties|null);

                    /** BodyMutation mutation. */
                    mutation?: ("body"|"clearBody"|"streamedResponse");

                    /**
                     * Encodes the specified BodyMutation message. Does not implicitly {@link envoy.service.ext_proc.v3.BodyMutation.verify|verify} messages.
                     * @param message BodyMutation message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.BodyMutation.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a BodyMutation message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.BodyMutation & envoy.service.ext_proc.v3.BodyMutation.$Shape} BodyMutation
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.BodyMutation & envoy.service.ext_proc.v3.BodyMutation.$Shape;
                }

                namespace BodyMutation {

                    /** Properties of a BodyMutation. */
                    interface $Properties {

                        /** BodyMutation body */
                        body?: (Uint8Array|null);

                        /** BodyMutation clearBody */
                        clearBody?: (boolean|null);

                        /** BodyMutation streamedResponse */
                        streamedResponse?: (envoy.service.ext_proc.v3.StreamedBodyResponse.$Properties|null);

                        /** BodyMutation mutation */
                        mutation?: ("body"|"clearBody"|"streamedResponse");

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Narrowed shape of a BodyMutation. */
                    type $Shape = {
                      body?: Uint8Array|null;
                      clearBody?: boolean|null;
                      streamedResponse?: envoy.service.ext_proc.v3.StreamedBodyResponse.$Shape|null;
                      $unknowns?: Uint8Array[];
                    } & (
                      ({ mutation?: undefined; body?: null; clearBody?: null; streamedResponse?: null }|{ mutation?: "body"; body: Uint8Array; clearBody?: null; streamedResponse?: null }|{ mutation?: "clearBody"; body?: null; clearBody: boolean; streamedResponse?: null }|{ mutation?: "streamedResponse"; body?: null; clearBody?: null; streamedResponse: envoy.service.ext_proc.v3.StreamedBodyResponse.$Shape })
                    );
                }

                /**
                 * Properties of a StreamedBodyResponse.
                 * @deprecated Use envoy.service.ext_proc.v3.StreamedBodyResponse.$Properties instead.
                 */
                interface IStreamedBodyResponse extends envoy.service.ext_proc.v3.StreamedBodyResponse.$Properties {
                }

                /** Represents a StreamedBodyResponse. */
                class StreamedBodyResponse {

                    /**
                     * Constructs a new StreamedBodyResponse.
                     * @param [properties] Properties to set
                     */
                    constructor(properties?: envoy.service.ext_proc.v3.StreamedBodyResponse.$Properties);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];

                    /** StreamedBodyResponse body. */
                    body: Uint8Array;

                    /** StreamedBodyResponse endOfStream. */
                    endOfStream: boolean;

                    /**
                     * Encodes the specified StreamedBodyResponse message. Does not implicitly {@link envoy.service.ext_proc.v3.StreamedBodyResponse.verify|verify} messages.
                     * @param message StreamedBodyResponse message or plain object to encode
                     * @param [writer] Writer to encode to
                     * @returns Writer
                     */
                    static encode(message: envoy.service.ext_proc.v3.StreamedBodyResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                    /**
                     * Decodes a StreamedBodyResponse message from the specified reader or buffer.
                     * @param reader Reader or buffer to decode from
                     * @param [length] Message length if known beforehand
                     * @returns {envoy.service.ext_proc.v3.StreamedBodyResponse & envoy.service.ext_proc.v3.StreamedBodyResponse.$Shape} StreamedBodyResponse
                     * @throws {Error} If the payload is not a reader or valid buffer
                     * @throws {$protobuf.util.ProtocolError} If required fields are missing
                     */
                    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.service.ext_proc.v3.StreamedBodyResponse & envoy.service.ext_proc.v3.StreamedBodyResponse.$Shape;
                }

                namespace StreamedBodyResponse {

                    /** Properties of a StreamedBodyResponse. */
                    interface $Properties {

                        /** StreamedBodyResponse body */
                        body?: (Uint8Array|null);

                        /** StreamedBodyResponse endOfStream */
                        endOfStream?: (boolean|null);

                        /** Unknown fields preserved while decoding when enabled */
                        $unknowns?: Uint8Array[];
                    }

                    /** Shape of a StreamedBodyResponse. */
                    type $Shape = envoy.service.ext_proc.v3.StreamedBodyResponse.$Properties;
                }
            }
        }
    }

    /** Namespace type. */
    namespace type {

        /** Namespace v3. */
        namespace v3 {

            /**
             * Properties of a HttpStatus.
             * @deprecated Use envoy.type.v3.HttpStatus.$Properties instead.
             */
            interface IHttpStatus extends envoy.type.v3.HttpStatus.$Properties {
            }

            /** Represents a HttpStatus. */
            class HttpStatus {

                /**
                 * Constructs a new HttpStatus.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: envoy.type.v3.HttpStatus.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HttpStatus code. */
                code: number;

                /**
                 * Encodes the specified HttpStatus message. Does not implicitly {@link envoy.type.v3.HttpStatus.verify|verify} messages.
                 * @param message HttpStatus message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: envoy.type.v3.HttpStatus.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HttpStatus message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {envoy.type.v3.HttpStatus & envoy.type.v3.HttpStatus.$Shape} HttpStatus
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): envoy.type.v3.HttpStatus & envoy.type.v3.HttpStatus.$Shape;
            }

            namespace HttpStatus {

                /** Properties of a HttpStatus. */
                interface $Properties {

                    /** HttpStatus code */
                    code?: (number|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HttpStatus. */
                type $Shape = envoy.type.v3.HttpStatus.$Properties;
            }
        }
    }
}

/** Namespace google. */
export namespace google {

    /** Namespace protobuf. */
    namespace protobuf {

        /**
         * Properties of a Struct.
         * @deprecated Use google.protobuf.Struct.$Properties instead.
         */
        interface IStruct extends google.protobuf.Struct.$Properties {
        }

        /** Represents a Struct. */
        class Struct {

            /**
             * Constructs a new Struct.
             * @param [properties] Properties to set
             */
            constructor(properties?: google.protobuf.Struct.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Struct fields. */
            fields: { [k: string]: google.protobuf.Value.$Properties };

            /**
             * Encodes the specified Struct message. Does not implicitly {@link google.protobuf.Struct.verify|verify} messages.
             * @param message Struct message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: google.protobuf.Struct.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Struct message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {google.protobuf.Struct & google.protobuf.Struct.$Shape} Struct
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): google.protobuf.Struct & google.protobuf.Struct.$Shape;
        }

        namespace Struct {

            /** Properties of a Struct. */
            interface $Properties {

                /** Struct fields */
                fields?: ({ [k: string]: google.protobuf.Value.$Properties }|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Struct. */
            type $Shape = {
              fields?: { [k: string]: google.protobuf.Value.$Shape }|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a Value.
         * @deprecated Use google.protobuf.Value.$Properties instead.
         */
        interface IValue extends google.protobuf.Value.$Properties {
        }

        /** Represents a Value. */
        class Value {

            /**
             * Constructs a new Value.
             * @param [properties] Properties to set
             */
            constructor(properties?: google.protobuf.Value.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Value nullValue. */
            nullValue?: (google.protobuf.NullValue|null);

            /** Value numberValue. */
            numberValue?: (number|null);

            /** Value stringValue. */
            stringValue?: (string|null);

            /** Value boolValue. */
            boolValue?: (boolean|null);

            /** Value structValue. */
            structValue?: (google.protobuf.Struct.$Properties|null);

            /** Value listValue. */
            listValue?: (google.protobuf.ListValue.$Properties|null);

            /** Value kind. */
            kind?: ("nullValue"|"numberValue"|"stringValue"|"boolValue"|"structValue"|"listValue");

            /**
             * Encodes the specified Value message. Does not implicitly {@link google.protobuf.Value.verify|verify} messages.
             * @param message Value message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: google.protobuf.Value.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Value message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {google.protobuf.Value & google.protobuf.Value.$Shape} Value
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): google.protobuf.Value & google.protobuf.Value.$Shape;
        }

        namespace Value {

            /** Properties of a Value. */
            interface $Properties {

                /** Value nullValue */
                nullValue?: (google.protobuf.NullValue|null);

                /** Value numberValue */
                numberValue?: (number|null);

                /** Value stringValue */
                stringValue?: (string|null);

                /** Value boolValue */
                boolValue?: (boolean|null);

                /** Value structValue */
                structValue?: (google.protobuf.Struct.$Properties|null);

                /** Value listValue */
                listValue?: (google.protobuf.ListValue.$Properties|null);

                /** Value kind */
                kind?: ("nullValue"|"numberValue"|"stringValue"|"boolValue"|"structValue"|"listValue");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a Value. */
            type $Shape = {
              nullValue?: google.protobuf.NullValue|null;
              numberValue?: number|null;
              stringValue?: string|null;
              boolValue?: boolean|null;
              structValue?: google.protobuf.Struct.$Shape|null;
              listValue?: google.protobuf.ListValue.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ kind?: undefined; nullValue?: null; numberValue?: null; stringValue?: null; boolValue?: null; structValue?: null; listValue?: null }|{ kind?: "nullValue"; nullValue: google.protobuf.NullValue; numberValue?: null; stringValue?: null; boolValue?: null; structValue?: null; listValue?: null }|{ kind?: "numberValue"; nullValue?: null; numberValue: number; stringValue?: null; boolValue?: null; structValue?: null; listValue?: null }|{ kind?: "stringValue"; nullValue?: null; numberValue?: null; stringValue: string; boolValue?: null; structValue?: null; listValue?: null }|{ kind?: "boolValue"; nullValue?: null; numberValue?: null; stringValue?: null; boolValue: boolean; structValue?: null; listValue?: null }|{ kind?: "structValue"; nullValue?: null; numberValue?: null; stringValue?: null; boolValue?: null; structValue: google.protobuf.Struct.$Shape; listValue?: null }|{ kind?: "listValue"; nullValue?: null; numberValue?: null; stringValue?: null; boolValue?: null; structValue?: null; listValue: google.protobuf.ListValue.$Shape })
            );
        }

        /** NullValue enum. */
        enum NullValue {

            /** NULL_VALUE value */
            NULL_VALUE = 0
        }

        /**
         * Properties of a ListValue.
         * @deprecated Use google.protobuf.ListValue.$Properties instead.
         */
        interface IListValue extends google.protobuf.ListValue.$Properties {
        }

        /** Represents a ListValue. */
        class ListValue {

            /**
             * Constructs a new ListValue.
             * @param [properties] Properties to set
             */
            constructor(properties?: google.protobuf.ListValue.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListValue values. */
            values: google.protobuf.Value.$Properties[];

            /**
             * Encodes the specified ListValue message. Does not implicitly {@link google.protobuf.ListValue.verify|verify} messages.
             * @param message ListValue message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: google.protobuf.ListValue.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListValue message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {google.protobuf.ListValue & google.protobuf.ListValue.$Shape} ListValue
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): google.protobuf.ListValue & google.protobuf.ListValue.$Shape;
        }

        namespace ListValue {

            /** Properties of a ListValue. */
            interface $Properties {

                /** ListValue values */
                values?: (google.protobuf.Value.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListValue. */
            type $Shape = {
              values?: google.protobuf.Value.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }
    }
}

/** Namespace grpc. */
export namespace grpc {

    /** Namespace health. */
    namespace health {

        /** Namespace v1. */
        namespace v1 {

            /**
             * Properties of a HealthCheckRequest.
             * @deprecated Use grpc.health.v1.HealthCheckRequest.$Properties instead.
             */
            interface IHealthCheckRequest extends grpc.health.v1.HealthCheckRequest.$Properties {
            }

            /** Represents a HealthCheckRequest. */
            class HealthCheckRequest {

                /**
                 * Constructs a new HealthCheckRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthCheckRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthCheckRequest service. */
                service: string;

                /**
                 * Encodes the specified HealthCheckRequest message. Does not implicitly {@link grpc.health.v1.HealthCheckRequest.verify|verify} messages.
                 * @param message HealthCheckRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthCheckRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthCheckRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape} HealthCheckRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape;
            }

            namespace HealthCheckRequest {

                /** Properties of a HealthCheckRequest. */
                interface $Properties {

                    /** HealthCheckRequest service */
                    service?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthCheckRequest. */
                type $Shape = grpc.health.v1.HealthCheckRequest.$Properties;
            }

            /**
             * Properties of a HealthCheckResponse.
             * @deprecated Use grpc.health.v1.HealthCheckResponse.$Properties instead.
             */
            interface IHealthCheckResponse extends grpc.health.v1.HealthCheckResponse.$Properties {
            }

            /** Represents a HealthCheckResponse. */
            class HealthCheckResponse {

                /**
                 * Constructs a new HealthCheckResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthCheckResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthCheckResponse status. */
                status: grpc.health.v1.HealthCheckResponse.ServingStatus;

                /**
                 * Encodes the specified HealthCheckResponse message. Does not implicitly {@link grpc.health.v1.HealthCheckResponse.verify|verify} messages.
                 * @param message HealthCheckResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthCheckResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthCheckResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape} HealthCheckResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape;
            }

            namespace HealthCheckResponse {

                /** Properties of a HealthCheckResponse. */
                interface $Properties {

                    /** HealthCheckResponse status */
                    status?: (grpc.health.v1.HealthCheckResponse.ServingStatus|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthCheckResponse. */
                type $Shape = grpc.health.v1.HealthCheckResponse.$Properties;

                /** ServingStatus enum. */
                enum ServingStatus {

                    /** UNKNOWN value */
                    UNKNOWN = 0,

                    /** SERVING value */
                    SERVING = 1,

                    /** NOT_SERVING value */
                    NOT_SERVING = 2,

                    /** SERVICE_UNKNOWN value */
                    SERVICE_UNKNOWN = 3
                }
            }

            /**
             * Properties of a HealthListRequest.
             * @deprecated Use grpc.health.v1.HealthListRequest.$Properties instead.
             */
            interface IHealthListRequest extends grpc.health.v1.HealthListRequest.$Properties {
            }

            /** Represents a HealthListRequest. */
            class HealthListRequest {

                /**
                 * Constructs a new HealthListRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthListRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /**
                 * Encodes the specified HealthListRequest message. Does not implicitly {@link grpc.health.v1.HealthListRequest.verify|verify} messages.
                 * @param message HealthListRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthListRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthListRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthListRequest & grpc.health.v1.HealthListRequest.$Shape} HealthListRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthListRequest & grpc.health.v1.HealthListRequest.$Shape;
            }

            namespace HealthListRequest {

                /** Properties of a HealthListRequest. */
                interface $Properties {

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthListRequest. */
                type $Shape = grpc.health.v1.HealthListRequest.$Properties;
            }

            /**
             * Properties of a HealthListResponse.
             * @deprecated Use grpc.health.v1.HealthListResponse.$Properties instead.
             */
            interface IHealthListResponse extends grpc.health.v1.HealthListResponse.$Properties {
            }

            /** Represents a HealthListResponse. */
            class HealthListResponse {

                /**
                 * Constructs a new HealthListResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthListResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthListResponse statuses. */
                statuses: { [k: string]: grpc.health.v1.HealthCheckResponse.$Properties };

                /**
                 * Encodes the specified HealthListResponse message. Does not implicitly {@link grpc.health.v1.HealthListResponse.verify|verify} messages.
                 * @param message HealthListResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthListResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthListResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthListResponse & grpc.health.v1.HealthListResponse.$Shape} HealthListResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthListResponse & grpc.health.v1.HealthListResponse.$Shape;
            }

            namespace HealthListResponse {

                /** Properties of a HealthListResponse. */
                interface $Properties {

                    /** HealthListResponse statuses */
                    statuses?: ({ [k: string]: grpc.health.v1.HealthCheckResponse.$Properties }|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthListResponse. */
                type $Shape = grpc.health.v1.HealthListResponse.$Properties;
            }
        }
    }
}
